import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FakeCluster, token } from './fake-cluster';
import { target } from './seen';

export const bundle = join(__dirname, '../../../build/runtime/deployer.js');
export const password = 'password-of-the-deployer';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The bundled program, started as its pod starts it. */
export class Program {
  static async start(
    cluster: FakeCluster,
    registryPort: number,
    options: { deployments?: string[]; env?: Record<string, string>; name?: string } = {},
  ): Promise<Program> {
    const folder = mkdtempSync(join(tmpdir(), 'deployer-'));
    const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
    file('ca.crt', cluster.certificate.cert);
    file('token', token);
    file('namespace', 'mlops');
    file('MLFLOW_TRACKING_USERNAME', 'deployer');
    file('MLFLOW_TRACKING_PASSWORD', password);
    const follow = (deployments: string[]) => {
      const targets = deployments.map((deployment) => ({ ...target, deployment }));
      const trackingUri = `http://127.0.0.1:${registryPort}`;
      file('targets.json', JSON.stringify({ pollSeconds: 1, trackingUri, targets }));
    };
    follow(options.deployments ?? [target.deployment]);
    const ports = { health: await freePort(), metrics: await freePort() };
    const env = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(cluster.server.port),
      SERVICE_ACCOUNT_DIRECTORY: folder,
      MLFLOW_LOGIN_DIRECTORY: folder,
      DEPLOYER_TARGETS: join(folder, 'targets.json'),
      LEASE_NAME: 'mlflow-deployer',
      POD_NAME: options.name ?? 'mlflow-deployer-0',
      POD_NAMESPACE: 'mlops',
      HEALTH_PORT: String(ports.health),
      METRICS_PORT: String(ports.metrics),
      ...options.env,
    };
    return new Program(folder, env, ports, follow);
  }

  public output = '';
  public readonly ended: Promise<number | null>;
  private readonly child;

  private constructor(
    private readonly folder: string,
    env: Record<string, string>,
    private readonly ports: { readonly health: number; readonly metrics: number },
    /** Writes new targets, as the kubelet does after a change of the ConfigMap. */
    public readonly follow: (deployments: string[]) => void,
  ) {
    this.child = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'pipe'], env });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    }
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
  }

  breakTargets(): void {
    writeFileSync(join(this.folder, 'targets.json'), '{"targets": [');
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    const code = await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
    // Not expect(…).not.toContain: it would print the value if it fails.
    for (const secret of [token, password, Buffer.from(`deployer:${password}`).toString('base64')]) {
      if (this.output.includes(secret)) throw new Error(`the program's output holds a secret`);
    }
    return code;
  }

  health = async () => (await fetch(`http://127.0.0.1:${this.ports.health}/healthz`)).status;

  metrics = async () => (await fetch(`http://127.0.0.1:${this.ports.metrics}/metrics`)).text();

  metric = async (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await this.metrics())?.[1]);
}

export async function until(what: string, probe: () => unknown, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
