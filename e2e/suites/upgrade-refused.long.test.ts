// Migrations that fail: one platform, one fault after the other, and a reader none of whose requests may fail.
import { Size } from 'cdk8s';
import { TrackingServerOptions } from '../../lib';
import { Colleague, Reader } from '../lib/colleague';
import { Namespace } from '../lib/namespace';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { NEW, OLD, SERVERS, State, Upgrade, versionOf } from '../lib/upgrade';

/** A table that MLflow 3.14.0 does not have yet. */
const NEW_TABLE = 'scheduler_leases';
const namespace = new Namespace('mlflow-e2e-upgrade-refused');
const upgrade = new Upgrade(namespace);
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

const logSays = (words: string[]) =>
  until(`the migration's log to say: ${words.join(' … ')}`, 180, () => {
    const log = upgrade.migrationLog();
    return words.every((each) => log.includes(each)) && log;
  });
const failed = () => {
  const [{ job }] = upgrade.migrations(NEW);
  return job.status.conditions?.some(({ type, status }: any) => type === 'Failed' && status === 'True');
};

interface Fault {
  readonly what: string;
  readonly make: () => void;
  readonly mend: () => void;
  readonly server?: TrackingServerOptions;
  readonly words: string[];
  /** Whether the Job fails at once, because a retry would not help. */
  readonly refused?: boolean;
  readonly schema?: string;
}

const GUEST = 'a guest of the tests';
const END_GUEST = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${GUEST}'`;

/** A transaction that has read every table and stays open, like one of pg_dump. */
function startGuest(): void {
  const tables = Object.keys(upgrade.rows()).map((table) => `"${table}"`);
  const statements = ['BEGIN', `LOCK TABLE ${tables} IN ACCESS SHARE MODE`, 'SELECT pg_sleep(3600)'];
  const psql = `PGAPPNAME='${GUEST}' psql -U postgres -d mlflow ${statements.map((each) => `-c '${each}'`).join(' ')}`;
  namespace.kubectl('exec', 'mlflow-postgres-0', '--', 'sh', '-c', `${psql} </dev/null >/dev/null 2>&1 &`);
}

const faults: Fault[] = [
  {
    what: 'a transaction that stays open',
    make: startGuest,
    mend: () => upgrade.psql('mlflow', END_GUEST),
    words: ['other sessions hold locks that the upgrade needs: pid', `(role postgres, program ${GUEST})`],
  },
  {
    what: 'a database that a newer, unknown MLflow has upgraded',
    make: () => upgrade.psql('mlflow', "UPDATE alembic_version SET version_num = 'ffffffffffff'"),
    mend: () => upgrade.psql('mlflow', `UPDATE alembic_version SET version_num = '${before.schema}'`),
    words: ['The tracking database mlflow was upgraded by a newer MLflow: its schema ffffffffffff is unknown'],
    refused: true,
    schema: 'ffffffffffff',
  },
  {
    what: 'a dump that is larger than its space',
    make: () => {},
    mend: () => {},
    server: { dumpSpace: Size.kibibytes(100) },
    words: [
      'The tracking database mlflow could not be dumped',
      'Give the server more dumpSpace.',
      'Nothing was changed.',
    ],
    refused: true,
  },
  {
    what: 'a table that MLflow’s role cannot read, and so cannot dump',
    make: () => upgrade.psql('mlflow', 'CREATE TABLE notes (text text)'),
    mend: () => upgrade.psql('mlflow', 'DROP TABLE notes'),
    words: ['could not be dumped', 'permission denied for table notes', 'Nothing was changed.'],
  },
  {
    what: 'a table with the name of one that the upgrade creates',
    make: () => upgrade.psql('mlflow', `CREATE TABLE ${NEW_TABLE} (x int); ALTER TABLE ${NEW_TABLE} OWNER TO mlflow`),
    mend: () => upgrade.psql('mlflow', `DROP TABLE ${NEW_TABLE}`),
    words: [
      `Cause: DuplicateTable: relation "${NEW_TABLE}" already exists`,
      'as before: servers that use it can go on',
    ],
  },
];

describe.each(faults)('$what', ({ make, mend, server, words, refused, schema }) => {
  test('fails the migration, and its log says why', async () => {
    make();
    upgrade.apply(NEW, server);
    await logSays(words);
    if (refused) await until('the Job to give up at once', 60, failed);
    expect(upgrade.schema()).toBe(schema ?? before.schema);
    expect(upgrade.rows()).toMatchObject(before.rows);
    expect(upgrade.servers(OLD).filter(isReady)).toHaveLength(SERVERS);
    expect(upgrade.servers(NEW).filter(isReady)).toHaveLength(0);
  });

  test('is superseded by the old YAML: the Job exits and changes nothing', async () => {
    upgrade.apply(OLD);
    await until('the Job to give up', 240, failed);
    if (!refused) await logSays([`What was applied last wants ${OLD}, and this migration is for ${NEW}`]);
    mend();
    expect(upgrade.schema()).toBe(before.schema);
    upgrade.deleteMigrations();
  });
});

describe('a store that refuses the dump', () => {
  const policy =
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::mlflow/backups/*"]}]}';
  const user = namespace.secret.bind(namespace, 'mlflow-s3-secret', 'AWS_ACCESS_KEY_ID');

  test('fails the migration, and its log says why', async () => {
    upgrade.mc(`echo '${policy}' >/tmp/no-dumps.json; mc admin policy create store no-dumps /tmp/no-dumps.json
      mc admin policy attach store no-dumps --user ${user()}`);
    upgrade.apply(NEW);
    await logSays(['The dump could not be uploaded to s3://mlflow/backups', 'AccessDenied', 'Nothing was changed.']);
    expect(upgrade.schema()).toBe(before.schema);
    expect(upgrade.servers(OLD).filter(isReady)).toHaveLength(SERVERS);
  });

  test('accepts the dump after its policy is corrected, and the migration succeeds by its retry', async () => {
    // Pauses the rollout, because the next test restarts an old server.
    upgrade.rollout('pause');
    upgrade.mc(`mc admin policy detach store no-dumps --user ${user()}`);
    await until('the migration', 240, () => upgrade.migrations(NEW)[0].job.status.succeeded === 1);
    expect(upgrade.schema()).not.toBe(before.schema);
    expect(upgrade.rows()).toMatchObject(before.rows);
    expect(upgrade.servers(OLD).filter(isReady)).toHaveLength(SERVERS);
  });

  test('leaves an old server that restarts after the migration with a log that says why it cannot serve', async () => {
    const { name } = upgrade.servers(OLD)[0].metadata;
    namespace.kubectl('exec', name, '-c', 'mlflow', '--', 'python', '-c', 'import os; os.kill(1, 15)');
    await until('the words', 120, () =>
      namespace
        .try(['logs', name, '-c', 'mlflow'])
        .stdout.includes('The tracking database mlflow was upgraded by a newer MLflow: its schema'),
    );
  });

  test('does not prevent the rollout of the new servers, with every run, model and file', async () => {
    upgrade.rollout('resume');
    await upgrade.untilGone(OLD, 900);
    expect(upgrade.servers(NEW).filter(isReady)).toHaveLength(SERVERS);
    expect(colleague.showHistory()).toEqual(before.history);
  });
});

test('no read failed during any of the failed migrations', async () => {
  const { failed: reads, versions, counts } = await reader.stop();
  process.stdout.write(`reads: ${JSON.stringify(counts)}\n`);
  expect(reads).toEqual([]);
  expect(versions[0].version).toBe(versionOf(OLD));
  expect(versions[versions.length - 1].version).toBe(versionOf(NEW));
});
