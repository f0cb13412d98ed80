import { ApiServer, type Fault, garbage, hang, json, namespace, refuse, usual } from './api-server';
import { selfSigned } from './certificate';
import { plan, postgres } from './plans';
import { run, type RunOptions } from './program';

let server: ApiServer;
beforeEach(async () => {
  server = await new ApiServer().start();
});
afterEach(async () => server.stop());

/** Restarts the server on another address. The variable is changed too, so that the clean-up stops it. */
async function restart(port: number, host?: string): Promise<void> {
  await server.stop();
  server = await new ApiServer(server.certificate).start(port, host);
}

const only = { secrets: [postgres] };

const cutOff: Fault = (response) => {
  response.writeHead(200, { 'content-length': 1000 }).write('{"kind":');
  setTimeout(() => response.destroy(), 20);
};
const trickle: Fault = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 50);
  response.on('close', () => clearInterval(timer));
};
const storedButSilent: Fault = (response, { body }) => {
  server.secrets.set(body!.metadata.name, body!);
  response.destroy();
};
const found = (body: unknown): Fault => {
  return (response) => json(response, 200, body);
};

describe('temporary failures are retried', () => {
  test.each<[string, Fault[]]>([
    ['429', [refuse(429, 'TooManyRequests'), usual, refuse(429, 'TooManyRequests')]],
    ['500, 503, 504', [refuse(500, 'InternalError'), refuse(503, 'ServiceUnavailable'), usual, refuse(504, 'Timeout')]],
    ['a dropped connection', [(response) => void response.destroy()]],
    ['a hung request', [hang]],
    ['a trickling answer', [trickle]],
    ['an answer cut off', [cutOff]],
    ['garbage instead of a Secret', [garbage(200, '{"kind":"Secret","data":{"a":"c2VjcmV0LXZhbHVl"')]],
    ['a proxy that answers 404', [garbage(404)]],
    ['another object', [found({ kind: 'Secret', metadata: { name: 'other' }, data: {} })]],
    ['JSON that is no object', [found(null), found(7), found([])]],
    ['garbage after a create', [usual, garbage(201)]],
    ['a redirect', [garbage(302)]],
    ['a RoleBinding that lags', [refuse(403, 'Forbidden'), refuse(403, 'Forbidden'), usual, refuse(403, 'Forbidden')]],
  ])('%s', async (_, faults) => {
    server.faults = [...faults];
    const { code, stdout, stderr } = await run(server, only, { deadlineSeconds: 8 });
    expect({ code, said: stdout.match(/result=\w+/g) }).toEqual({ code: 0, said: ['result=created'] });
    expect(stderr).toContain('level=warn secret=mlflow-postgres-secret result=retry');
    expect(stderr).not.toContain('c2VjcmV0LXZhbHVl');
    expect(server.secrets.size).toBe(1);
  });

  test('a create request whose answer is lost is not repeated', async () => {
    server.faults = [usual, storedButSilent];
    const { code, stdout } = await run(server, only);
    expect(code).toBe(0);
    expect(stdout).toContain('result=kept');
    expect(server.asked).toEqual([
      'GET mlflow-postgres-secret',
      'POST mlflow-postgres-secret',
      'GET mlflow-postgres-secret',
    ]);
  });

  test('Retry-After is respected', async () => {
    server.faults = [
      (response) => {
        response.setHeader('retry-after', '2');
        return refuse(429, 'TooManyRequests')(response, server.seen[0]);
      },
    ];
    const { code, seconds } = await run(server, only);
    expect(code).toBe(0);
    expect(seconds).toBeGreaterThan(2);
  });

  test('an API server that does not listen yet', async () => {
    await server.stop();
    let restarted: Promise<unknown> | undefined;
    const onStderr = (said: string) => {
      if (said.includes('ECONNREFUSED')) restarted ??= restart(server.port);
    };
    const { code } = await run(server, only, { onStderr });
    await restarted;
    expect(code).toBe(0);
    expect(restarted).toBeDefined();
    expect(server.secrets.size).toBe(1);
  });
});

describe('permanent failures end the run with their cause', () => {
  test('an API server that never listens', async () => {
    await server.stop();
    const { code, stderr, seconds } = await run(server, plan, { deadlineSeconds: 2 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/result=failed message="Gave up, .*ECONNREFUSED/);
    expect(seconds).toBeLessThan(4);
  });

  test('an API server that never answers', async () => {
    server.faults = Array.from({ length: 50 }, () => hang);
    const { code, stderr, seconds } = await run(server, plan, { deadlineSeconds: 2 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/result=failed message="Gave up, .*no full answer within/);
    expect(seconds).toBeLessThan(4);
  });

  test('401, immediately', async () => {
    const { code, stderr } = await run(server, plan, { token: 'expired-or-foreign' });
    expect(code).toBe(1);
    expect(stderr).toContain('does not accept the token');
    expect(server.seen).toHaveLength(1);
  });

  test('403, after some retries, with verb, resource and ServiceAccount', async () => {
    const message = 'secrets "mlflow-postgres-secret" is forbidden: exceeded quota';
    server.faults = Array.from({ length: 50 }, (_, index) => (index === 0 ? usual : refuse(403, 'Forbidden', message)));
    const { code, stderr, seconds } = await run(server, plan, { deadlineSeconds: 3 });
    expect(code).toBe(1);
    expect(stderr).toContain('ServiceAccount mlops/mlflow-credentials may not create secrets');
    expect(stderr).toContain('exceeded quota');
    expect(stderr).not.toContain('Gave up');
    expect(seconds).toBeLessThan(5);
    expect(server.secrets.size).toBe(0);
  });

  test('a server whose certificate is not of the CA gets neither token nor request', async () => {
    const { code, stderr } = await run(server, plan, { ca: selfSigned().cert, deadlineSeconds: 1 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/no connection: \w*(SIGN|VERIFY|CERT)\w*/);
    expect(server.seen).toEqual([]);
  });
});

describe('a wrong set-up of the pod is reported at once, with exit code 2', () => {
  test.each<[string, RunOptions, string]>([
    ['no plan', { env: { CREDENTIALS_PLAN: '/nowhere.json' } }, 'the plan /nowhere.json cannot be read (ENOENT)'],
    ['a plan that is not JSON', { planText: '{"secrets": hunter2}' }, 'is not JSON'],
    ['a wrong plan', { planText: '{"secrets":[{"name":"a","labels":{},"keys":{}}]}' }, '\\"keys\\" is an empty object'],
    ['a wrong limit', { env: { CREDENTIALS_DEADLINE_SECONDS: '2m' } }, 'CREDENTIALS_DEADLINE_SECONDS is \\"2m\\"'],
    ['no API server', { env: { KUBERNETES_SERVICE_HOST: '' } }, 'KUBERNETES_SERVICE_HOST is not set'],
    ['no ServiceAccount', { env: { SERVICE_ACCOUNT_DIRECTORY: '/nowhere' } }, 'automountServiceAccountToken'],
    ['an empty token', { token: ' ' }, '/token is empty'],
  ])('%s', async (_, options, message) => {
    const { code, stderr } = await run(server, plan, options);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hunter2');
    expect(server.seen).toEqual([]);
  });
});

test('the address of the API server can be IPv6, with or without brackets', async () => {
  await restart(0, '::1');
  for (const host of ['::1', '[::1]']) {
    await expect(run(server, only, { env: { KUBERNETES_SERVICE_HOST: host } })).resolves.toMatchObject({ code: 0 });
  }
  expect(server.seen[0]).toMatchObject({
    host: `[::1]:${server.port}`,
    path: expect.stringContaining(`/${namespace}/`),
  });
});

test('the program exits at once on SIGTERM', async () => {
  const stop = new Promise<() => void>((resolve) => {
    server.faults = [async () => resolve(() => undefined)];
  });
  const { code, seconds } = await run(server, only, { onStart: (kill) => void stop.then(() => kill('SIGTERM')) });
  expect(code).toBe(143);
  expect(seconds).toBeLessThan(4);
});
