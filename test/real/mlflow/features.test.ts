import { join } from 'node:path';
import { login, Servers } from './servers';
import { ask } from '../nginx/client';

const PROGRAM = join(__dirname, '..', '..', '..', 'e2e', 'programs', 'mlflow_features.py');
let servers: Servers;

const post = async (path: string, body: object) => {
  const headers = { ...login, 'content-type': 'application/json' };
  return ask({
    port: servers.proxy.httpPort,
    path: `/api/2.0/mlflow/${path}`,
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
};

beforeAll(async () => {
  servers = await Servers.start();
}, 240_000);
afterAll(() => servers?.stop());

test("each of MLflow's features works through the proxy, in the default configuration", async () => {
  const used = JSON.parse(await servers.python([PROGRAM]));
  expect(used).toContain('prompts');
}, 240_000);

test('a version may be made of artifacts and of prompts, and of nothing else', async () => {
  await post('registered-models/create', { name: 'sources' });
  await post('registered-models/create', { name: 'words', tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] });
  const statusOf = async (name: string, source: string) => {
    const tags = name === 'words' ? [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] : [];
    return (await post('model-versions/create', { name, source, tags })).status;
  };
  for (const word of ['dummy-source', 'prompt-template']) {
    expect([word, await statusOf('words', word)]).toEqual([word, 200]);
    // Those are no places where a model could be.
    expect([word, await statusOf('sources', word)]).toEqual([word, 400]);
  }
  const foreign = ['s3://mlflow/backups', 'file:///etc', '/etc', 'dummy-source/x', 'dummy-source\n', 'x dummy-source'];
  for (const source of [...foreign, 'prompt-template:s3://x', 'x\nmodels:/m/1', 's3://models:/m/1']) {
    for (const name of ['sources', 'words']) {
      expect([source, await statusOf(name, source)]).toEqual([source, 400]);
    }
  }
});
