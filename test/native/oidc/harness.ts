import { ChildProcess, spawn } from 'node:child_process';
import { JsonWebKey, randomBytes } from 'node:crypto';
import { accessSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, HOST, ORIGIN } from './browser';
import { NginxOidcLogin, NginxUserLimits } from '../../../lib/nginx/nginx-options';
import { SIGNED_OUT } from '../../../lib/nginx/sign-on';
import { OAuth2ProxyOptions, oauth2ProxyArguments } from '../../../lib/tracking/oauth2-proxy';
import { ask, Response } from '../nginx/client';
import { delay, freePorts, Proxy, ssha, until } from '../nginx/proxy';
import { Upstream } from '../nginx/upstream';

const CLIENT = { id: 'mlflow', secret: 'the-secret-of-the-client' };
/** Who may use the platform of the tests: a member of this group with an e-mail address of this domain. */
const ADMITTED = { groups: ['ml-people'], emailDomains: ['example.com'] };

const SESSION_SECONDS = 12 * 3600;

/** A path of an exposure, to which the provider leads back too. */
export const PATH = '/tools/mlflow';

/** A program of the machine with its output, ended by its process id. */
export class Program {
  public readonly output: string[] = [];
  private readonly exit: Promise<unknown>;
  private ended = false;
  private readonly process: ChildProcess;

  constructor(command: string, args: string[], environment: Record<string, string> = {}) {
    this.process = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.output.push(text));
    }
    this.exit = new Promise<void>((done) => this.process.on('exit', () => done()).on('error', () => done()));
    void this.exit.then(() => (this.ended = true));
  }

  public get pid(): number {
    return this.process.pid!;
  }

  public signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  public async stop(): Promise<void> {
    if (this.ended) return;
    // Also one that the test has stopped for a while.
    this.signal('SIGKILL');
    await this.exit;
  }

  public async answers(port: number, path: string): Promise<void> {
    for (const end = Date.now() + 120_000; Date.now() < end; await delay(20)) {
      if (this.ended) throw new Error(`${this.process.spawnfile} ended: ${this.output.join('')}`);
      const status = await ask({ port, path })
        .then((answer) => answer.status)
        .catch(() => 0);
      if (status === 200) return;
    }
    throw new Error(`${this.process.spawnfile} does not answer: ${this.output.join('')}`);
  }
}

/** The provider of test/support/oidc/provider.mjs. */
export class Provider {
  static async start(): Promise<Provider> {
    const [port] = await freePorts(1);
    const provider = new Provider(port);
    await provider.program.answers(port, '/jwks');
    return provider;
  }

  public readonly issuer: string;
  public readonly program: Program;

  private constructor(private readonly port: number) {
    this.issuer = `http://127.0.0.1:${port}`;
    this.program = new Program(process.execPath, [join(__dirname, '../../support/oidc/provider.mjs')], {
      ISSUER: this.issuer,
      CLIENT_ID: CLIENT.id,
      CLIENT_SECRET: CLIENT.secret,
      REDIRECT_URI: ['', PATH].map((path) => `${ORIGIN}${path}/oauth2/callback`).join(' '),
    });
  }

  /** Ends the session there and leads back. The session's cookie holds no token that could name it. */
  public logoutUrl(path = ''): string {
    const back = `${ORIGIN}${path}${SIGNED_OUT}`;
    return `${this.issuer}/session/end?${new URLSearchParams({ client_id: CLIENT.id, post_logout_redirect_uri: back })}`;
  }

  /** A token with these claims, signed with the current key. `null` removes a claim. */
  public async token(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
    return ((await this.control('token', { claims, header })) as { token: string }).token;
  }

  /** Adds an account with these claims. */
  public async account(name: string, claims: Record<string, unknown>): Promise<void> {
    await this.control('account', { name, claims });
  }

  /** The token that a program gets for the client's own secret. */
  public async clientToken(): Promise<string> {
    const headers = {
      authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const body = 'grant_type=client_credentials&scope=groups';
    const answer = await ask({ port: this.port, path: '/token', method: 'POST', headers, body });
    return JSON.parse(answer.body).access_token;
  }

  /** A new key signs from now on. The old one stays published or does not. */
  public async rotate(old: 'keep' | 'withdraw'): Promise<void> {
    await this.control('rotate', { keep: old === 'keep' });
  }

  public async keys(): Promise<JsonWebKey[]> {
    return JSON.parse((await ask({ port: this.port, path: '/jwks' })).body).keys;
  }

  /** How many requests arrived at this path. */
  public async count(path: string): Promise<number> {
    return JSON.parse((await ask({ port: this.port, path: '/control/counts' })).body)[path] ?? 0;
  }

  private async control(what: string, asked: unknown): Promise<unknown> {
    const answer = await ask({
      port: this.port,
      path: `/control/${what}`,
      method: 'POST',
      body: JSON.stringify(asked),
    });
    return JSON.parse(answer.body);
  }
}

export interface PodOptions {
  /** @default - a new one */
  readonly cookieSecret?: string;
  /** @default 43200 */
  readonly sessionSeconds?: number;
  readonly login?: Partial<NginxOidcLogin>;
  /** @default - none */
  readonly userLimits?: NginxUserLimits;
  /** Path of the exposure. @default - none */
  readonly path?: string;
  /** Further options of oauth2-proxy. @default - none */
  readonly oauth2Proxy?: Partial<OAuth2ProxyOptions>;
}

/** nginx and oauth2-proxy of one pod, as the library configures them. */
export class Pod {
  static async start(
    upstream: Pick<Upstream, 'port'>,
    provider: Provider,
    {
      cookieSecret = newCookieSecret(),
      sessionSeconds = SESSION_SECONDS,
      login = {},
      userLimits,
      path,
      oauth2Proxy = {},
    }: PodOptions = {},
  ): Promise<Pod> {
    const folder = mkdtempSync(join(tmpdir(), 'oidc-test-'));
    const file = (name: string, content: string) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const programsFolder = join(folder, 'programs');
    mkdirSync(programsFolder);
    for (const [role, name] of PROGRAMS) file(`programs/${role}.${name}`, `${name}:${ssha(`${name}-secret`)}\n`);
    const [port] = await freePorts(1);
    const { issuer } = provider;
    const logoutUrl = provider.logoutUrl(path);
    const program = new Program(
      tool(),
      oauth2ProxyArguments({
        issuer,
        clientId: CLIENT.id,
        host: HOST,
        path,
        port,
        sessionSeconds,
        scopes: ['openid', 'email', 'groups'],
        clientSecretFile: file('client-secret', CLIENT.secret),
        cookieSecretFile: file('cookie-secret', cookieSecret),
        ...oauth2Proxy,
      }),
    );
    try {
      await program.answers(port, '/ping');
      const nginx = await Proxy.start(upstream, {
        path,
        userLimits,
        login: { kind: 'oidc', realm: 'MLflow Authentication', programsFolder, port, logoutUrl, ...ADMITTED, ...login },
      });
      return new Pod(folder, program, nginx);
    } catch (error) {
      await program.stop();
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  private constructor(
    private readonly folder: string,
    readonly oauth2Proxy: Program,
    readonly nginx: Proxy,
  ) {}

  public get port(): number {
    return this.nginx.httpPort;
  }

  public browser(localAddress?: string): Browser {
    return new Browser([this.port], localAddress);
  }

  /** A request of a program. */
  public async ask(path: string, headers: Record<string, string>, method = 'GET', body?: string): Promise<Response> {
    const all = { host: HOST, 'x-forwarded-proto': 'https', ...headers };
    return ask({ port: this.port, path, method, headers: all, body, localAddress: newAddress() });
  }

  /** The last line of the access log: it must be of this path, and nginx writes it after the answer. */
  public async logged(uri: string): Promise<Record<string, unknown>> {
    return until(`a line of ${uri} in the access log`, () => {
      const last = this.nginx.output('stdout').split('\n').at(-2);
      const line = last && JSON.parse(last);
      return line?.uri === uri && line;
    });
  }

  /** Bytes that oauth2-proxy has read since it began. */
  public bytesRead(): number {
    return Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${this.oauth2Proxy.pid}/io`, 'utf8'))![1]);
  }

  public async stop(): Promise<void> {
    await this.nginx.stop();
    await this.oauth2Proxy.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Their passwords are `<name>-secret`. */
const PROGRAMS = [
  ['program', 'scorer'],
  ['serving', 'the-serving'],
  ['deployer', 'the-deployer'],
];

/** As the library makes one: exactly 32 characters. */
const newCookieSecret = () => randomBytes(16).toString('hex');

let addresses = 0;
/** Each one is new, as nginx makes an address with many wrong logins wait. */
export const newAddress = () => `127.${1 + Math.floor(++addresses / 250)}.${addresses % 250}.2`;

export function tool(): string {
  const file = join(process.env.TOOLS ?? '', 'oauth2-proxy');
  try {
    accessSync(file);
    return file;
  } catch {
    throw new Error('oauth2-proxy is missing: run `. .ci/tools` in this shell, and run this again');
  }
}

/** For tokens of programs, which have no e-mail address. */
export const EVERY_DOMAIN = { emailDomains: [] };

/** The whole of it: one provider, one stand-in for MLflow and one pod. */
export class SignOn {
  static async start(login: Partial<NginxOidcLogin> = {}): Promise<SignOn> {
    const [upstream, provider] = await Promise.all([Upstream.start(), Provider.start()]);
    const cookieSecret = newCookieSecret();
    try {
      return new SignOn(upstream, provider, cookieSecret, await Pod.start(upstream, provider, { cookieSecret, login }));
    } catch (error) {
      await Promise.all([upstream.stop(), provider.program.stop()]);
      throw error;
    }
  }

  private constructor(
    readonly upstream: Upstream,
    readonly provider: Provider,
    readonly cookieSecret: string,
    readonly pod: Pod,
  ) {}

  /** One more pod of the same server, or of another one. */
  public async newPod(options: PodOptions): Promise<Pod> {
    return Pod.start(this.upstream, this.provider, options);
  }

  public async stop(): Promise<void> {
    await this.pod.stop();
    await Promise.all([this.upstream.stop(), this.provider.program.stop()]);
  }
}
