import { generateKeyPairSync, KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program, tool } from './harness';
import { certificateFor } from '../../../e2e/lib/certificate';
import { NginxAccounts } from '../../../lib/nginx/nginx-options';
import { accountTokenArguments } from '../../../lib/tracking/account-token-arguments';
import { freePorts } from '../nginx/proxy';

export const AUDIENCE = 'mlflow-server.mlflow.svc';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';

interface Key {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly jwk: object;
}

function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const id = randomUUID();
  return { id, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: id, use: 'sig', alg: 'RS256' } };
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface TokenOptions {
  readonly key?: Key;
  readonly header?: object;
  readonly signature?: string;
}

/** The API server of a cluster, and what the pod of a tracking server runs to check tokens of it. */
export class Cluster {
  static async start(): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'cluster-test-'));
    const [apiServer, tokenPort, keysPort, port] = await freePorts(4);
    const tls = certificateFor('localhost');
    const cluster = new Cluster(folder, { port, cluster: { tokenPort, folder: join(folder, 'accounts') } }, keysPort);
    cluster.server = createServer({ cert: tls.certificate, key: tls.key }, ({ headers, url }, response) => {
      cluster.asked.push(`${url} ${headers.authorization}`);
      const known = headers.authorization === `Bearer ${cluster.ownToken}` && url === '/openid/v1/jwks';
      response.writeHead(!cluster.isUp ? 500 : known ? 200 : 403).end(JSON.stringify({ keys: cluster.published }));
    });
    await new Promise<void>((done) => cluster.server.listen(apiServer, '127.0.0.1', done));
    mkdirSync(join(folder, 'pod'));
    mkdirSync(join(folder, 'accounts'));
    writeFileSync(join(folder, 'pod', 'ca.crt'), tls.authority);
    writeFileSync(join(folder, 'pod', 'token'), `${cluster.ownToken}\n`);
    try {
      await cluster.startPrograms(apiServer);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  public readonly key = newKey();
  public published: object[] = [this.key.jwk];
  public isUp = true;
  /** Paths and logins of the requests that the API server got. */
  public readonly asked: string[] = [];
  public readonly programs: Program[] = [];
  private readonly ownToken: string;
  private server!: Server;
  private versions = 0;

  private constructor(
    private readonly folder: string,
    readonly accounts: NginxAccounts,
    private readonly keysPort: number,
  ) {
    this.ownToken = this.token('mlflow', 'mlflow-server', { aud: ['https://kubernetes.default.svc'] });
  }

  /** A projected token of a ServiceAccount, as the kubelet gets it. */
  public token(namespace: string, name: string, claims: object = {}, options: TokenOptions = {}): string {
    const { key = this.key, header = {}, signature } = options;
    const now = Math.floor(Date.now() / 1000);
    const all = {
      aud: [AUDIENCE],
      exp: now + 600,
      iat: now,
      nbf: now,
      iss: ISSUER,
      jti: randomUUID(),
      'kubernetes.io': { namespace, serviceaccount: { name, uid: randomUUID() } },
      sub: `system:serviceaccount:${namespace}:${name}`,
      ...claims,
    };
    const text = `${part({ alg: 'RS256', kid: key.id, ...header })}.${part(all)}`;
    return `${text}.${signature ?? sign('sha256', Buffer.from(text), key.privateKey).toString('base64url')}`;
  }

  /** A new key signs from now on. */
  public newKey(): Key {
    return newKey();
  }

  /** Replaces the content of the ConfigMap, as the kubelet does it. */
  public admit(...keys: string[]): void {
    const at = (name: string) => join(this.accounts.cluster!.folder, name);
    const version = `..version-${++this.versions}`;
    mkdirSync(at(version));
    for (const key of keys) writeFileSync(join(at(version), key), '');
    symlinkSync(version, at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    for (const key of keys) {
      rmSync(at(key), { force: true });
      symlinkSync(join('..data', key), at(key));
    }
    rmSync(at(`..version-${this.versions - 1}`), { recursive: true, force: true });
  }

  public async stop(): Promise<void> {
    for (const program of this.programs) await program.stop();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    rmSync(this.folder, { recursive: true });
  }

  private async startPrograms(apiServer: number): Promise<void> {
    const settings = join(this.folder, 'settings');
    const program = join(__dirname, '../../../runtime/mlflow/account_keys.py');
    const keys = new Program('python3', ['-S', '-E', program], {
      ACCOUNT_DIRECTORY: join(this.folder, 'pod'),
      ACCOUNT_KEYS_PORT: String(this.keysPort),
      SETTINGS_DIRECTORY: settings,
      KUBERNETES_SERVICE_HOST: 'localhost',
      KUBERNETES_SERVICE_PORT_HTTPS: String(apiServer),
    });
    this.programs.push(keys);
    await keys.answers(this.keysPort, '/jwks');
    const { tokenPort } = this.accounts.cluster!;
    const tokens = new Program(
      tool(),
      accountTokenArguments({ audience: AUDIENCE, settings, port: tokenPort, keysPort: this.keysPort }),
    );
    this.programs.push(tokens);
    await tokens.answers(tokenPort, '/ping');
  }
}
