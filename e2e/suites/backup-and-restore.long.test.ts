// The commands of docs/how-to/backup-and-restore.md that dump and restore by hand. Needs `mc` on the PATH.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Colleague } from '../lib/colleague';
import { commandsOf, paste, putIntoDist } from '../lib/guide';
import { Namespace } from '../lib/namespace';
import { NEW, SERVERS, Upgrade } from '../lib/upgrade';

const namespace = new Namespace('mlflow-e2e-backup');
const platform = new Upgrade(namespace);
const folder = mkdtempSync(join(tmpdir(), 'backup-'));
const follow = (section: string, instead: Record<string, string> = {}) =>
  paste(
    commandsOf('docs/how-to/backup-and-restore.md', { sections: [section], namespace: namespace.name, instead }),
    folder,
    900,
  )[section];

let colleague: Colleague;

beforeAll(async () => {
  namespace.remove();
  const manifest = platform.apply(NEW);
  putIntoDist(folder, manifest);
  await platform.untilReady(300);
  colleague = Colleague.start(namespace, NEW);
  colleague.writeHistory();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('a restore by hand brings back metrics, parameters and files that were deleted after the dump', () => {
  const [before, rows] = [colleague.showHistory(), platform.rows()];
  follow('A dump by hand');
  platform.mc('mc rm --recursive --force store/mlflow/artifacts/');
  platform.psql('mlflow', 'DELETE FROM metrics; DELETE FROM latest_metrics; DELETE FROM params');
  expect(colleague.showHistory()).not.toEqual(before);
  follow('Restore a dump by hand', { '--replicas=3': `--replicas=${SERVERS}` });
  expect(platform.rows()).toEqual(rows);
  expect(colleague.showHistory()).toEqual(before);
});
