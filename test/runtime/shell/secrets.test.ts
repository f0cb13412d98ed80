import { execFileSync } from 'child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { program } from '../../../lib/component/program';

/** Characters that a password can contain, and the line ends that an editor adds to its file. */
const PASSWORD = 'p%s\\n$(id) "b" \'c\'';
const ENDS = ['', '\n', '\r\n'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  mkdirSync(join(folder, 'bin'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A stand-in for a program of the image: writes its input into the file `seen`. */
function stub(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Runs a script of runtime/ with these files, each with that line end. Returns the input of the stand-in. */
function run(script: string, files: string[], end: string, environment: Record<string, string>): string {
  for (const file of files) writeFileSync(join(folder, file), `${file}-${PASSWORD}${end}`);
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    SEEN: join(folder, 'seen'),
    MLFLOW_SECRETS_DIRECTORY: folder,
    ...environment,
  };
  execFileSync('sh', ['-c', program(script)], { env, stdio: 'pipe', timeout: 30_000 });
  return readFileSync(env.SEEN, 'utf8');
}

describe('a Secret whose value ends with', () => {
  test.each(ENDS)('%j gives setup-database.sh the same logins', (end) => {
    stub('psql', `printf '%s\\n' "$PGUSER" "$PGPASSWORD" "$ROLE" "$ROLE_PASSWORD" >"$SEEN"; cat >/dev/null <&0`);
    const names = ['SUPERUSER', 'SUPERUSER_PASSWORD', 'ROLE', 'ROLE_PASSWORD'];
    const seen = run('setup-database.sh', names, end, { DATABASES: 'mlflow' });
    expect(seen).toBe(names.map((name) => `${name}-${PASSWORD}\n`).join(''));
  });

  test.each(ENDS)('%j gives dump-databases.sh the same login', (end) => {
    const work = join(folder, 'work');
    mkdirSync(work);
    writeFileSync(join(work, 'mlflow.request'), '');
    stub('pg_dump', `printf '%s\\n' "$PGUSER" "$PGPASSWORD" >"$SEEN"; kill "$PPID"; exit 1`);
    // The script runs until it is stopped, like its container.
    stub('sleep', '[ ! -s "$SEEN" ] || kill "$PPID"');
    const seen = run('dump-databases.sh', ['PGUSER', 'PGPASSWORD'], end, { WORK_DIRECTORY: work });
    expect(seen).toBe(`PGUSER-${PASSWORD}\nPGPASSWORD-${PASSWORD}\n`);
  });

  test.each(ENDS)('%j gives setup-bucket.sh the same keys', (end) => {
    stub(
      'mc',
      `case "$*" in 'alias set'*|'admin user add'*) cat >>"$SEEN" ;; 'admin policy attach'*) printf '%s\\n' "$7" >>"$SEEN" ;; esac`,
    );
    const names = ['ROOT_USER', 'ROOT_PASSWORD', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
    const seen = run('setup-bucket.sh', names, end, {
      ENDPOINT: 'http://store:9000',
      BUCKET: 'mlflow',
      WORK_DIRECTORY: folder,
    });
    const lines = [...names, 'AWS_ACCESS_KEY_ID'].map((name) => `${name}-${PASSWORD}\n`);
    expect(seen).toBe(lines.join(''));
  });
});
