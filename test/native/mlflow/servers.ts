import { ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { NginxOptions } from '../../../lib/nginx/nginx-options';
import { platforms } from '../../support/platforms';
import { find, synth } from '../../support/synth';
import { basic, Proxy } from '../nginx/proxy';

const ROOT = join(__dirname, '..', '..', '..');
const HUMAN = { username: 'mlflow', password: 'human-secret' };

/** The Python that has MLflow. The first call creates it. */
const venv = () => execFileSync('bash', [join(ROOT, 'e2e', 'venv')], { encoding: 'utf8' }).trim();

/** A real MLflow as the pod runs it, behind the real nginx. With `bare`, also a plain `mlflow server`. */
export class Servers {
  static async start(...others: 'bare'[]): Promise<Servers> {
    return Servers.of('plain', {}, ...others);
  }

  /** With the pods of another platform, and its options of nginx. */
  static async of(
    platform: 'plain' | 'tenants' | 'permissions',
    options: Partial<NginxOptions>,
    ...others: 'bare'[]
  ): Promise<Servers> {
    const objects = synth((chart) => void platforms[platform](chart));
    const deployment = find(objects, 'Deployment', 'mlflow-server');
    const authSettings = find(objects, 'ConfigMap', 'mlflow-server-programs').data['basic_auth.ini'];
    const [container] = deployment.spec.template.spec.initContainers.filter(({ name }: any) => name === 'mlflow');
    const python = venv();
    const child = spawn(
      python,
      [join(__dirname, 'servers.py'), JSON.stringify({ ...container, authSettings }), ...others],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once('line', resolve);
      child.once('error', reject).once('exit', (code) => reject(new Error(`servers.py ended with ${code}`)));
    });
    const { ours, bare } = JSON.parse(line);
    const proxy = await Proxy.start(
      { port: ours },
      {
        ...{ signedUrls: false, maxArtifactMebibytes: 200 },
        ...options,
      },
    );
    return new Servers(python, child, proxy, ours, bare);
  }

  private constructor(
    private readonly interpreter: string,
    private readonly child: ChildProcess,
    readonly proxy: Proxy,
    /** Port of our MLflow, behind the proxy. */
    readonly ours: number,
    /** Port of the plain server, if it runs. */
    readonly bare?: number,
  ) {}

  /** Runs a Python program with MLflow's client, through the proxy unless another port is given. Returns its output. */
  public async python(args: string[], environment: Record<string, string> = {}): Promise<string> {
    const { stdout } = await promisify(execFile)(this.interpreter, args, {
      maxBuffer: 64 * 1024 * 1024,
      cwd: this.proxy.folder,
      env: {
        PATH: process.env.PATH,
        HOME: this.proxy.folder,
        MLFLOW_TRACKING_URI: `http://127.0.0.1:${this.proxy.httpPort}`,
        MLFLOW_TRACKING_USERNAME: HUMAN.username,
        MLFLOW_TRACKING_PASSWORD: HUMAN.password,
        MLFLOW_DISABLE_TELEMETRY: 'true',
        PYTHONWARNINGS: 'ignore',
        ...environment,
      },
    });
    return stdout;
  }

  public async stop(): Promise<void> {
    await this.proxy.stop();
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin!.end();
    await ended;
  }
}

export const login = { authorization: basic(HUMAN.username, HUMAN.password) };
