import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Upstream } from './upstream';
import { NginxAccounts, NginxLogin, NginxOptions } from '../../../lib/nginx/nginx-options';
import { ROLES } from '../../../lib/nginx/role-routes';
import { nginxConfiguration } from '../../../lib/nginx/server-site';

const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };

export const delay = async (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function until<T>(what: string, probe: () => T | undefined | false, seconds = 20): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(10)) {
    const found = probe();
    if (found) return found;
  }
  throw new Error(`gave up after ${seconds} s: ${what}`);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise<void>((done) => server.listen(0, done));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((done) => server.close(done));
  return ports;
}

export const ssha = (password: string) => {
  const salt = randomBytes(8);
  return `{SSHA}${Buffer.concat([createHash('sha1').update(password).update(salt).digest(), salt]).toString('base64')}`;
};

export const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** A real nginx with the library's configuration, on free ports and in a new folder. */
export class Proxy {
  /** The users of the `basic` tests: one human, two programs and one of each role, each in a separate file. */
  static async start(
    upstream: Pick<Upstream, 'port'>,
    options: Partial<NginxOptions> = {},
    accounts?: NginxAccounts,
  ): Promise<Proxy> {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-test-'));
    for (const name of ['temporary', 'users']) mkdirSync(join(folder, name));
    const file = (name: string) => join(folder, 'users', name);
    writeFileSync(
      file('humans'),
      `mlflow:${ssha('human-secret')}\nann:${ssha('ann-secret')}\nAnn:${ssha('ann-secret')}\nscorer:${ssha('not-this-one')}\nDeployer:${ssha('a-human')}\n`,
    );
    mkdirSync(file('programs'));
    writeFileSync(
      file('programs/program.deployer'),
      `deployer:${ssha('deployer-secret')}\nmlflow:${ssha('deployer-secret')}\n`,
    );
    writeFileSync(file('programs/program.scorer'), `scorer:${ssha('scorer-secret')}\n`);
    for (const role of ROLES) {
      writeFileSync(file(`programs/${role}.the-${role}`), `the-${role}:${ssha(`${role}-secret`)}\n`);
    }
    // Of programs in the workspace `team-a` only.
    writeFileSync(file('programs/trainer.trainer-of-a_team-a'), `trainer-of-a:${ssha('trainer-secret')}\n`);
    writeFileSync(file('programs/program.admin-of-a_team-a'), `admin-of-a:${ssha('admin-secret')}\n`);
    const login: NginxLogin = {
      kind: 'basic',
      realm: 'MLflow Authentication',
      usersFile: file('humans'),
      programsFolder: file('programs'),
      accounts,
    };
    const [httpPort, metricsPort] = await freePorts(2);
    const proxy = new Proxy(folder, httpPort, metricsPort, {
      login,
      metrics: true,
      drainSeconds: 20,
      keepaliveMinSeconds: knowsKeepaliveMin() ? 5 : undefined,
      httpPort,
      metricsPort,
      upstreamPort: upstream.port,
      temporaryDirectory: join(folder, 'temporary'),
      ...options,
    });
    try {
      await proxy.ready();
    } catch (error) {
      proxy.signal('SIGKILL');
      throw error;
    }
    return proxy;
  }

  public readonly exit: Promise<number | null>;
  private readonly process: ChildProcess;

  private constructor(
    readonly folder: string,
    readonly httpPort: number,
    readonly metricsPort: number,
    options: NginxOptions,
  ) {
    const configuration = join(folder, 'nginx.conf');
    writeFileSync(configuration, nginxConfiguration(options));
    // Files, because nginx opens /dev/stdout again, which fails for the pipes of Node.js (sockets).
    const outputs = ['stdout', 'stderr'].map((name) => openSync(join(folder, name), 'a'));
    // As root, nginx would run its workers as `nobody`, who may not read the folder. The image never runs as root.
    const globals = process.getuid?.() === 0 ? 'daemon off; user root;' : 'daemon off;';
    this.process = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', configuration, '-g', globals], {
      env: ENVIRONMENT,
      stdio: ['ignore', ...outputs],
    });
    outputs.forEach((output) => closeSync(output));
    this.exit = new Promise((resolve) => this.process.on('exit', resolve).on('error', () => resolve(null)));
  }

  /** The worker processes that run at this time. */
  public workers(): number[] {
    const children = readFileSync(`/proc/${this.process.pid}/task/${this.process.pid}/children`, 'utf8');
    const title = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    // nginx has a child process for its cache too.
    return children
      .split(' ')
      .filter((pid) => pid && title(pid).includes('worker process'))
      .map(Number);
  }

  public residentKilobytes(): number {
    const read = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
    return this.workers().reduce((sum, pid) => sum + read(pid), 0);
  }

  public output(name: 'stdout' | 'stderr'): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** Waits until the access log has that number of lines, and returns them. */
  public async log(lines: number): Promise<Record<string, unknown>[]> {
    const all = () => this.output('stdout').split('\n').slice(0, -1);
    await until(`${lines} lines in the access log`, () => all().length >= lines);
    return all().map((line) => JSON.parse(line));
  }

  public signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  public async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.exit;
    rmSync(this.folder, { recursive: true });
  }

  private async ready(): Promise<void> {
    let ended: number | null | undefined;
    void this.exit.then((code) => (ended = code));
    const pid = join(this.folder, 'temporary', 'nginx.pid');
    // nginx writes its pid file after it has bound its ports. Later connections wait for the workers.
    await until('nginx starts', () => {
      if (ended === null) throw new Error('nginx is missing: install it (apt-get install nginx) and run this again');
      if (ended !== undefined) throw new Error(`nginx ended with ${ended}: ${this.output('stderr')}`);
      return existsSync(pid) && readFileSync(pid, 'utf8').trim() !== '' && this.workers().length > 0;
    });
  }
}

export function knowsKeepaliveMin(): boolean {
  try {
    // Debian's nginx can be older than the directive.
    const words = execFileSync('sh', ['-c', 'nginx -v 2>&1'], { env: ENVIRONMENT, encoding: 'utf8' });
    const [, major, minor, patch] = (/nginx\/(\d+)\.(\d+)\.(\d+)/.exec(words) ?? [0, 0, 0, 0]).map(Number);
    return major * 1e6 + minor * 1e3 + patch >= 1_027_004;
  } catch {
    return false;
  }
}
