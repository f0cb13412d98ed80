// A new version of MLflow whose check fails: no new server gets requests, and the old ones keep serving, until the cause is removed.
import { Colleague, Reader } from '../lib/colleague';
import { Namespace } from '../lib/namespace';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { NEW, PREVIOUS, SERVERS, State, Upgrade, versionOf } from '../lib/upgrade';

const CHECK = 'check-before-serving';
const EXPERIMENT = '_check-before-serving';
const namespace = new Namespace('mlflow-e2e-check-before-serving');
const upgrade = new Upgrade(namespace, PREVIOUS);
let colleague: Colleague;
let reader: Reader;
let before: State;

beforeAll(async () => {
  ({ colleague, before } = await upgrade.installOld());
  reader = await colleague.startReading();
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

/** Denies new artifacts only: the dump of the migration is in another folder. */
const POLICY =
  '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::mlflow/artifacts/*"]}]}';
const user = namespace.secret.bind(namespace, 'mlflow-s3-secret', 'AWS_ACCESS_KEY_ID');

const checkOf = (pod: any) => pod.status.initContainerStatuses?.find(({ name }: any) => name === CHECK);
/** The words of a check that failed, as `kubectl describe pod` shows them. */
const wordsOf = (pod: any): string => {
  const { state, lastState } = checkOf(pod) ?? {};
  return [state, lastState].map((each) => each?.terminated?.message ?? '').join('');
};

function expectOldServersOnly(): void {
  expect(upgrade.servers(PREVIOUS).filter(isReady)).toHaveLength(SERVERS);
  expect(upgrade.servers(NEW).filter(isReady)).toHaveLength(0);
}

describe('a new version that cannot write artifacts', () => {
  test('does not become ready, and its pod says which step failed', async () => {
    upgrade.mc(`echo '${POLICY}' >/tmp/no-artifacts.json; mc admin policy create store no-artifacts /tmp/no-artifacts.json
      mc admin policy attach store no-artifacts --user ${user()}`);
    upgrade.apply(NEW, { checkBeforeServing: true });
    const words = await until('a check that says why it failed', 900, () =>
      upgrade
        .servers(NEW)
        .map(wordsOf)
        .find((each) => each.includes('its check failed')),
    );
    expect(words).toContain('Could not write an artifact: MLflow answered ');
    expectOldServersOnly();
  });

  test('is checked again and again, while only the old servers serve', async () => {
    await until('a third check', 300, () => upgrade.servers(NEW).some((pod) => checkOf(pod)?.restartCount >= 2));
    expectOldServersOnly();
    // The rollout adds one pod at a time.
    expect(upgrade.servers(NEW)).toHaveLength(1);
  });

  test('leaves no run that is not deleted', () => {
    const runs = `FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name = '${EXPERIMENT}'`;
    expect(Number(upgrade.psql('mlflow', `SELECT count(*) ${runs}`))).toBeGreaterThan(0);
    expect(upgrade.psql('mlflow', `SELECT count(*) ${runs} AND runs.lifecycle_stage = 'active'`)).toBe('0');
  });
});

describe('after the store accepts artifacts again', () => {
  test('the check passes, and the rollout continues without another apply', async () => {
    upgrade.mc(`mc admin policy detach store no-artifacts --user ${user()}`);
    // The kubelet waits for up to five minutes before it starts a failed container again.
    await upgrade.untilGone(PREVIOUS, 1200);
    expect(upgrade.servers(NEW).filter(isReady)).toHaveLength(SERVERS);
    for (const pod of upgrade.servers(NEW)) {
      expect(checkOf(pod).state.terminated.exitCode).toBe(0);
      const log = namespace.kubectl('logs', pod.metadata.name, '-c', CHECK);
      expect(log).toContain(`MLflow ${versionOf(NEW)} works with its database and its store.`);
    }
  });

  test('the checks have left no file', () => {
    const id = upgrade.psql('mlflow', `SELECT experiment_id FROM experiments WHERE name = '${EXPERIMENT}'`);
    expect(id).toMatch(/^\d+$/);
    const files = upgrade.mc('mc ls --recursive store/mlflow/artifacts/');
    // Those of the history are in other folders.
    expect(files).toContain('/artifacts/');
    expect(files).not.toMatch(new RegExp(` ${id}/`));
  });

  test('every run, model and file is there', () => {
    const known: any = before.history;
    const found: any = colleague.showHistory();
    expect(found.experiments).toEqual(expect.arrayContaining(known.experiments));
    expect(found.runs).toMatchObject(known.runs);
    expect(found.models).toEqual(known.models);
  });

  test('no read failed meanwhile', async () => {
    const { failed, versions, counts } = await reader.stop();
    process.stdout.write(`reads: ${JSON.stringify(counts)}\n`);
    expect(failed).toEqual([]);
    expect(versions[0].version).toBe(versionOf(PREVIOUS));
    expect(versions[versions.length - 1].version).toBe(versionOf(NEW));
  });
});
