// Upgrades from older versions of MLflow to the default one, with data and under read load, and the roll back of
// docs/how-to/upgrade-mlflow.md.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Colleague, Readings } from '../lib/colleague';
import { commandsOf, paste } from '../lib/guide';
import { Namespace } from '../lib/namespace';
import { isReady } from '../lib/pods';
import { until } from '../lib/process';
import { NEW, OLD, PREVIOUS, SERVERS, State, Upgrade, versionOf } from '../lib/upgrade';

const seconds = (time: string) => Date.parse(time) / 1000;

describe.each([PREVIOUS, OLD])('an upgrade of %s', (old) => {
  const namespace = new Namespace('mlflow-e2e-upgrade');
  const upgrade = new Upgrade(namespace, old);
  let colleague: Colleague;
  let before: State;
  let readings: Readings;

  beforeAll(async () => {
    ({ colleague, before } = await upgrade.installOld());
    const reader = await colleague.startReading();
    upgrade.apply(NEW);
    await upgrade.untilGone(old, 900);
    readings = await reader.stop();
  });

  afterAll(() => {
    if (!process.env.E2E_KEEP) namespace.remove();
  });

  describe('under read load', () => {
    test('fails no read, with the default retries of MLflow’s client', () => {
      process.stdout.write(`reads during the upgrade: ${JSON.stringify(readings.counts)}\n`);
      expect(readings.failed).toEqual([]);
      for (const count of Object.values(readings.counts)) expect(count).toBeGreaterThan(20);
    });

    test('runs exactly one migration', () => {
      const migrations = upgrade.migrations(NEW);
      expect(migrations.map(({ job }) => [job.status.succeeded, job.status.failed])).toEqual([[1, undefined]]);
      expect(migrations[0].pods).toHaveLength(1);
      expect(upgrade.migrationLog().match(/upgrading the schema/g)).toHaveLength(1);
      expect(upgrade.schema()).not.toBe(before.schema);
    });

    test('uploads a dump to the bucket before it changes the schema', () => {
      const log = upgrade.migrationLog();
      const [dump] = /mlflow-\d{8}T\d{6}Z-\S+\.dump/.exec(log)!;
      expect(dump).toContain(`-${before.schema}-before-mlflow-${versionOf(NEW)}`);
      expect(log.indexOf(`the dump lies at s3://mlflow/backups/${dump}`)).toBeLessThan(
        log.indexOf('upgrading the schema'),
      );
      expect(upgrade.mc('mc ls store/mlflow/backups/')).toContain(dump);
    });

    test('starts no new server before the migration has ended', () => {
      const [{ pods }] = upgrade.migrations(NEW);
      const { state } = pods[0].status.containerStatuses.find(({ name }: any) => name === 'migrate');
      const ended = seconds(state.terminated.finishedAt);
      const servers = upgrade.servers(NEW);
      expect(servers.filter(isReady)).toHaveLength(SERVERS);
      for (const { status } of servers) {
        // The pod accepts requests when nginx starts, after MLflow.
        const [nginx] = status.containerStatuses;
        expect(seconds(nginx.state.running.startedAt)).toBeGreaterThan(ended);
      }
      // The reader saw the versions in the same order. The cluster's times are whole seconds.
      const first = readings.versions.find(({ version }) => version === versionOf(NEW))!;
      expect(first.answered).toBeGreaterThan(ended);
      expect(readings.versions[0].version).toBe(versionOf(old));
      expect(readings.versions[readings.versions.length - 1].version).toBe(versionOf(NEW));
    });

    test('keeps every run, model and file', () => {
      expect(colleague.showHistory()).toEqual(before.history);
      expect(upgrade.rows()).toMatchObject(before.rows);
    });

    test('leaves an old server that starts now with a log that says why it waits, and the new servers keep serving', async () => {
      upgrade.rollout('undo');
      const words = `was upgraded by a newer MLflow: its schema ${upgrade.schema()} is unknown to this one`;
      await until('an old server that says why it waits', 120, () =>
        upgrade
          .servers(old)
          .some(({ metadata }) =>
            namespace.try(['logs', metadata.name, '-c', 'wait-for-schema']).stdout.includes(words),
          ),
      );
      expect(upgrade.servers(NEW).filter(isReady)).toHaveLength(SERVERS);
      upgrade.apply(NEW);
      upgrade.untilRolledOut(600);
    });
  });

  describe('the roll back of docs/how-to/upgrade-mlflow.md', () => {
    const folder = mkdtempSync(join(tmpdir(), 'e2e-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    test('restores the dump into an empty database, and no row is missing', () => {
      const sections = ['Roll back an upgrade that succeeded'];
      paste(commandsOf('docs/how-to/upgrade-mlflow.md', { sections, namespace: namespace.name }), folder);
      expect(readdirSync(folder)).toEqual([expect.stringMatching(/\.dump$/)]);
      expect(upgrade.schema()).toBe(before.schema);
      expect(upgrade.rows()).toEqual(before.rows);
      // The upgraded database is kept.
      expect(upgrade.schema('mlflow_upgraded')).not.toBe(before.schema);
    });

    test('serves every run, model and file with the old version', () => {
      upgrade.apply(old);
      upgrade.untilRolledOut(900);
      expect(upgrade.servers(old).filter(isReady)).toHaveLength(SERVERS);
      expect(upgrade.servers(NEW)).toEqual([]);
      expect(colleague.showHistory()).toEqual(before.history);
      expect(upgrade.schema()).toBe(before.schema);
    });
  });
});
