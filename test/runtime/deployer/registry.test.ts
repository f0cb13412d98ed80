import { target } from './seen';
import { type Answer, json, TestServer, troubles } from './servers';
import { wantedOf } from '../../../runtime/deployer/models';
import { mlflowRegistry } from '../../../runtime/deployer/registry';
import type { DeployerTarget } from '../../../runtime/deployer/targets';

let server: TestServer;
let password = 'pass-word-1';
beforeEach(async () => {
  server = await new TestServer(json(200, {})).start();
});
afterEach(async () => server.stop());

const registry = (path = '', timeoutMs = 3000) =>
  mlflowRegistry({
    trackingUri: `http://127.0.0.1:${server.port}${path}`,
    login: () => ({ authorization: `Basic ${Buffer.from(`deployer:${password}`).toString('base64')}`, password }),
    timeoutMs,
    beat: () => undefined,
  });

const page = (models: unknown[], next?: string) => json(200, { registered_models: models, next_page_token: next });
const churn = (aliases: unknown, versions?: unknown) => ({ name: 'churn', aliases, latest_versions: versions });
const champion = [{ alias: 'champion', version: '3' }];
const staged = { ...target, alias: undefined, stage: 'production' };

/** More models than the program requests one by one. */
const many = [target, staged, ...Array.from({ length: 20 }, (_, n) => ({ ...target, model: `many-${n}` }))];

describe('the list of models', () => {
  const wanted = async () => wantedOf(target, await registry().list(many));

  test('has the version of an alias and of a stage, and its creation time', async () => {
    const versions = [
      { version: '3', current_stage: 'Production', creation_timestamp: 1700000000000 },
      { version: '4', current_stage: 'Staging', creation_timestamp: '1800000000000' },
    ];
    server.answer = page([{ name: 'other' }, churn(champion, versions)]);
    const models = await registry().list(many);
    expect(wantedOf(target, models)).toEqual({ is: 'version', version: '3', created: 1700000000000 });
    expect(wantedOf(staged, models)).toEqual({ is: 'version', version: '3', created: 1700000000000 });
    expect(wantedOf({ ...staged, stage: 'Staging' }, models)).toMatchObject({ version: '4', created: 1800000000000 });
    expect(wantedOf({ ...staged, stage: 'Archived' }, models)).toEqual({ is: 'unset' });
  });

  test.each([
    ['without the model', [{ name: 'other' }], { is: 'unregistered' }],
    ['without aliases', [{ name: 'churn' }], { is: 'unset' }],
    ['with another alias', [churn([{ alias: 'Champion', version: '3' }])], { is: 'unset' }],
    ['with a version that is no text', [churn([{ alias: 'champion', version: 3 }])], { is: 'version', version: '3' }],
    ['of a registry that is empty', undefined, { is: 'unregistered' }],
  ])('%s', async (_, models, expected) => {
    server.answer = json(200, models ? { registered_models: models } : {});
    await expect(wanted()).resolves.toEqual(expected);
  });

  test('is read to its last page, with 200 models a page, over one connection', async () => {
    server.answer = (response, seen) => {
      const token = new URL(seen.path, 'http://x').searchParams.get('page_token');
      const next = { '': 'b&c', 'b&c': 'd' }[token ?? ''];
      return page(next ? [{ name: `before ${next}` }] : [churn(champion)], next)(response, seen);
    };
    await expect(wanted()).resolves.toEqual({ is: 'version', version: '3' });
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/api/2.0/mlflow/registered-models/search?max_results=200',
      '/api/2.0/mlflow/registered-models/search?max_results=200&page_token=b%26c',
      '/api/2.0/mlflow/registered-models/search?max_results=200&page_token=d',
    ]);
    expect(server.connections).toBe(1);
  });

  test('is read in smaller pages if models have long descriptions', async () => {
    const long = 'x'.repeat(100_000);
    server.answer = (response, seen) => {
      const { searchParams } = new URL(seen.path, 'http://x');
      const from = Number(searchParams.get('page_token') ?? 0);
      const to = Math.min(200, from + Number(searchParams.get('max_results')));
      const models = Array.from({ length: to - from }, (_, n) => ({ name: `m${from + n}`, description: long }));
      return page([...models, ...(to === 200 ? [churn(champion)] : [])], to < 200 ? String(to) : undefined)(
        response,
        seen,
      );
    };
    const models = await registry('', 20_000).list(many);
    expect(wantedOf(target, models)).toEqual({ is: 'version', version: '3' });
    expect(server.seen.map(({ path }) => path.match(/max_results=(\d+)/)![1])).toEqual(['200', ...Array(8).fill('25')]);
  });

  test('without an end is refused', async () => {
    server.answer = page([churn(champion)], 'again');
    await expect(wanted()).rejects.toThrow('its pages have no end');
  });

  test.each<[string, Answer]>([
    ...Object.entries(troubles),
    ['a page with an error', json(200, { error_code: 'INTERNAL_ERROR' })],
    ['a list that is none', json(200, { registered_models: {} })],
    ['a model without a name', page([{ aliases: champion }])],
    ['aliases that are no list', page([churn('champion')])],
    ['a version that is no number', page([churn([{ alias: 'champion', version: 'latest' }])])],
    ['version 0', page([churn([{ alias: 'champion', version: '0' }])])],
    ['an alias without a name', page([churn([{ version: '3' }])])],
    ['a token that is no text', json(200, { registered_models: [churn(champion)], next_page_token: 7 })],
  ])('is unknown after %s', async (_, answer) => {
    server.answer = answer;
    const failure = await wanted().catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'Failure', message: expect.stringMatching(/^registry: /) });
  });

  test('is unknown when a later page fails', async () => {
    let pages = 0;
    server.answer = (response, seen) => (pages++ ? troubles['500'] : page([churn(champion)], 'b'))(response, seen);
    await expect(wanted()).rejects.toThrow('HTTP 500 INTERNAL_ERROR database is away');
  });

  test('is read again after the server closed a kept connection', async () => {
    server.answer = page([churn(champion)]);
    const kept = registry();
    await kept.list(many);
    const { port } = server;
    await server.stop();
    server = await new TestServer(page([churn(champion)])).start(port);
    await expect(kept.list(many)).resolves.toBeInstanceOf(Map);
  });
});

describe('a few models', () => {
  const found = { name: 'churn', version: '3', creation_timestamp: 5 };
  const ask = async (...targets: DeployerTarget[]) => registry('/prefix/').list(targets);

  test('are read one by one, each once, for any size of the registry', async () => {
    server.answer = json(200, { model_version: found });
    const models = await ask(target, { ...target, deployment: 'another' });
    expect(wantedOf(target, models)).toEqual({ is: 'version', version: '3', created: 5 });
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/prefix/api/2.0/mlflow/registered-models/alias?name=churn&alias=champion',
    ]);
  });

  test('that are followed by a stage, or by several aliases, are read as a whole', async () => {
    const versions = [{ version: '4', current_stage: 'Production', creation_timestamp: 7 }];
    server.answer = json(200, { registered_model: churn(champion, versions) });
    const models = await ask(target, staged);
    expect(wantedOf(target, models)).toEqual({ is: 'version', version: '3' });
    expect(wantedOf(staged, models)).toEqual({ is: 'version', version: '4', created: 7 });
    expect(server.seen.map(({ path }) => path)).toEqual(['/prefix/api/2.0/mlflow/registered-models/get?name=churn']);
  });

  test.each<[string, Answer, object]>([
    ['an alias that is not set', json(400, { error_code: 'INVALID_PARAMETER_VALUE' }), { is: 'unset' }],
    ['no such model', json(404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }), { is: 'unregistered' }],
    ['a model that the login may not see', json(403, { error_code: 'PERMISSION_DENIED' }), { is: 'unregistered' }],
  ])('%s', async (_, answer, expected) => {
    server.answer = answer;
    expect(wantedOf(target, await ask(target))).toEqual(expected);
  });

  test.each<[string, Answer]>([
    ...Object.entries(troubles),
    ['another error', json(400, { error_code: 'BAD_REQUEST' })],
    ['another model', json(200, { model_version: { ...found, name: 'other' } })],
    ['a version that is no number', json(200, { model_version: { ...found, version: 'latest' } })],
  ])('are unknown after %s', async (_, answer) => {
    server.answer = answer;
    for (const each of [target, staged]) {
      await expect(ask(each)).rejects.toMatchObject({ name: 'Failure', message: expect.stringMatching(/^registry: /) });
    }
  });
});

describe('the login', () => {
  test('is read again for every request, so that a new password needs no restart', async () => {
    server.answer = (response, seen) => {
      const [, encoded] = /^Basic (.+)$/.exec(seen.headers.authorization ?? '') ?? [];
      const accepted = Buffer.from(encoded ?? '', 'base64').toString() === 'deployer:pass-word-2';
      return (accepted ? page([]) : troubles['401'])(response, seen);
    };
    const kept = registry();
    await expect(kept.list(many)).rejects.toMatchObject({
      trouble: 'refused',
      message: expect.stringContaining('not accepted'),
    });
    password = 'pass-word-2';
    await expect(kept.list(many)).resolves.toBeInstanceOf(Map);
  });

  test('is in no message, even if the server repeats it', async () => {
    server.answer = json(500, { error_code: 'INTERNAL_ERROR', message: `who is deployer:${password}?` });
    const failure: Error = await registry()
      .list(many)
      .then(
        () => new Error(),
        (error) => error,
      );
    expect(failure.message).toContain('***');
    expect(failure.message).not.toContain(password);
  });
});

describe('a version', () => {
  const version = async () => registry('/prefix/').version('churn', '3', { error: 'the.error', waiting: 'the.wait' });
  const found = { name: 'churn', version: '3', status: 'READY', creation_timestamp: 5 };

  test('is read with the tags of its pods', async () => {
    const tags = [
      { key: 'other', value: 'x' },
      { key: 'the.error', value: 'no\n\tmodule' },
      { key: 'the.wait', value: 'an index' },
    ];
    server.answer = json(200, { model_version: { ...found, tags } });
    await expect(version()).resolves.toEqual({
      is: 'there',
      created: 5,
      status: 'READY',
      error: 'no module',
      waiting: 'an index',
    });
    expect(server.seen[0].path).toBe('/prefix/api/2.0/mlflow/model-versions/get?name=churn&version=3');
  });

  test('can be deleted', async () => {
    server.answer = json(404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'not found' });
    await expect(version()).resolves.toEqual({ is: 'gone' });
  });

  test.each<[string, Answer]>([
    ...Object.entries(troubles),
    ['another version', json(200, { model_version: { ...found, version: '4' } })],
    ['another model', json(200, { model_version: { ...found, name: 'other' } })],
  ])('is unknown after %s', async (_, answer) => {
    server.answer = answer;
    await expect(version()).rejects.toMatchObject({ name: 'Failure' });
  });
});

describe('a tag', () => {
  const tag = async () => registry().tag('churn', '3', 'the key', 'the value');
  test.each<[string, Answer, string]>([
    ['is set', json(200, {}), 'done'],
    ['of a version that is gone', json(404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }), 'gone'],
    ['that the login may not set', json(403, {}), 'refused'],
    ['that the registry does not take', json(400, { error_code: 'INVALID_PARAMETER_VALUE' }), 'refused'],
  ])('%s', async (_, answer, written) => {
    server.answer = answer;
    await expect(tag()).resolves.toBe(written);
    expect(server.seen[0]).toMatchObject({
      ...{ method: 'POST', path: '/api/2.0/mlflow/model-versions/set-tag' },
      body: { name: 'churn', version: '3', key: 'the key', value: 'the value' },
    });
  });

  test.each(Object.entries(troubles))('is not known to be set after %s', async (_, answer) => {
    server.answer = answer;
    await expect(tag()).rejects.toMatchObject({ name: 'Failure' });
  });

  test('is deleted', async () => {
    await expect(registry().untag('churn', '3', 'k')).resolves.toBe('done');
    expect(server.seen[0]).toMatchObject({ method: 'DELETE', body: { name: 'churn', version: '3', key: 'k' } });
  });
});
