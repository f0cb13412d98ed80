import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiServer } from './api-server';
import { postgres } from './plans';
import { run } from './program';

const plan = { secrets: [postgres] };
const env = { CREDENTIALS_CONFIG_MAP_NAME: 'mlflow-credentials', MOUNTED_REVISION: 'mine' };

let server: ApiServer;
beforeEach(async () => {
  server = await new ApiServer().start();
});
afterEach(async () => server.stop());

const apply = (revision: string) => server.configMaps.set('mlflow-credentials', { revision });

test('executes the plan of its own Job', async () => {
  apply('mine');
  expect((await run(server, plan, { env, revision: 'mine' })).code).toBe(0);
  expect(server.secrets.size).toBe(1);
});

test.each<[string, string | undefined]>([
  ['an older revision', 'old'],
  ['no revision, as that of an earlier release', undefined],
])('waits for the kubelet if a plan with %s is mounted, and restarts', async (_, revision) => {
  apply('mine');
  const { code, stderr } = await run(server, plan, {
    env,
    revision,
    onStderr: (said, folder) => {
      if (said.includes('result=retry')) writeFileSync(join(folder, 'revision'), 'mine');
    },
  });
  expect(stderr).toContain('is not the one of this Job; the kubelet brings it up to date within two minutes');
  expect(stderr).toContain('result=outdated');
  // Not 0, and not a code after which the Job is not retried.
  expect([code, server.secrets.size]).toEqual([1, 0]);
});

test('fails, to be retried, if the kubelet does not update the mount in time', async () => {
  apply('mine');
  const { code, stderr } = await run(server, plan, { env, revision: 'old', deadlineSeconds: 1 });
  expect([code, server.secrets.size]).toEqual([1, 0]);
  expect(stderr).toContain('Gave up, out of time');
  expect(stderr).not.toContain('superseded');
});

test('succeeds without a change if another plan was applied', async () => {
  apply('newer');
  const { code, stderr } = await run(server, plan, { env, revision: 'newer', deadlineSeconds: 1 });
  expect([code, server.secrets.size]).toEqual([0, 0]);
  expect(stderr).toContain('result=superseded message="a newer plan was applied: its Job creates the Secrets"');
});

test('fails, to be retried, if it cannot see what was applied', async () => {
  const { code } = await run(server, plan, { env, revision: 'old', deadlineSeconds: 1 });
  expect([code, server.secrets.size]).toEqual([1, 0]);
});
