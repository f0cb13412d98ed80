// Measures one platform, ours or the blog's, from its apply to its rollout.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientPod, ClientPodOptions } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { isReady, Pod, restarts } from '../lib/pods';
import { until } from '../lib/process';

export const SERVERS = 3;
const SERVER = 'app=mlflow-server';
/** Limit of one step. MEASURE_MINUTES limits the whole. */
const STEP_SECONDS = 600;
export const ROLLOUT_SECONDS = 150;
const program = (name: string) => readFileSync(join(__dirname, name), 'utf8');

export interface Memory {
  readonly mebibytes: number;
  readonly processes: number;
}

export interface Load {
  readonly requests: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Cores that the load program used itself. */
  readonly cpu: number;
}

interface Asked {
  readonly requests: number;
  readonly failures: number;
}

export interface Rollout {
  /** Undefined if the rollout did not end within `ROLLOUT_SECONDS`. */
  readonly seconds?: number;
  readonly retrying: Asked;
  readonly plain: Asked;
}

/** A running platform whose servers are the Deployment and the Service `mlflow-server`. */
export class Subject {
  constructor(public readonly namespace: Namespace) {}

  public servers(): Pod[] {
    return this.namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', SERVER).items;
  }

  /** Seconds from before `apply` until all servers are Ready, and how often they restarted. */
  public async start(apply: () => void): Promise<{ seconds: number; restarts: number }> {
    const start = Date.now();
    apply();
    await until(`${SERVERS} servers Ready in ${this.namespace.name}`, STEP_SECONDS, () => {
      return this.servers().filter(isReady).length === SERVERS;
    });
    const seconds = (Date.now() - start) / 1000;
    return { seconds, restarts: this.servers().reduce((sum, pod) => sum + restarts(pod), 0) };
  }

  /** Proportional set size of all processes of a container, and their number. */
  public memory(container: string): Memory {
    const each = `for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || grep ^Pss: $p/smaps_rollup; done`;
    const lines = this.exec(container, ['sh', '-c', each]).trim().split('\n');
    const kibibytes = lines.map((line) => Number(/(\d+) kB/.exec(line)![1]));
    return { mebibytes: kibibytes.reduce((sum, one) => sum + one, 0) / 1024, processes: lines.length };
  }

  /** Load from inside a server's pod, on its loopback. The login is part of the program, on standard input. */
  public load(port: number, authorization: string, connections: number, seconds: number): Load {
    const path = '/api/2.0/mlflow/experiments/get?experiment_id=0';
    const text = `AUTHORIZATION = ${JSON.stringify(authorization)}\n${program('load.py')}`;
    const args = [port, path, connections, seconds].map(String);
    return JSON.parse(this.exec('mlflow', ['python', '-', ...args], text));
  }

  /** Starts MLflow with its own login in the container of one of our servers. It ends with the pod. */
  public async startBasicAuth(password: string): Promise<void> {
    const text = `PASSWORD = ${JSON.stringify(password)}\n${program('basic_auth.py')}`;
    // In the background of a shell, so that kubectl can exit.
    this.exec('mlflow', ['sh', '-c', 'cat >/tmp/measure.py; python /tmp/measure.py >/tmp/measure.log 2>&1 &'], text);
    const asks = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5001/health', timeout=5)";
    await until(
      "MLflow's own login answers",
      STEP_SECONDS,
      () => this.try('mlflow', ['python', '-c', asks]).status === 0,
    );
  }

  /** Restarts all servers while clients send requests through the Service. */
  public async rollout(options: ClientPodOptions): Promise<Rollout> {
    const { namespace } = this;
    // By IP address: MLflow without the proxy refuses the names of Services.
    const uri = `http://${namespace.json('get', 'service', 'mlflow-server').spec.clusterIP}:5000`;
    const env = { MLFLOW_TRACKING_URI: uri, ...options.env };
    const pod = ClientPod.start(namespace, 'clients', { ...options, env });
    const child = pod.background(program('rollout_clients.py'), [String(STEP_SECONDS)]);
    let [told, said] = ['', ''];
    child.stdout!.on('data', (chunk) => (told += chunk));
    child.stderr!.on('data', (chunk) => (said += chunk));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    await until('clients ask', STEP_SECONDS, () => said.includes('asking'));
    const start = Date.now();
    namespace.kubectl('rollout', 'restart', 'deployment/mlflow-server');
    const end = ['rollout', 'status', 'deployment/mlflow-server', `--timeout=${ROLLOUT_SECONDS}s`];
    const done = namespace.try(end).status === 0;
    // The last old server is still stopping.
    if (done) await until('old servers are gone', STEP_SECONDS, () => this.servers().length === SERVERS);
    const seconds = done ? (Date.now() - start) / 1000 : undefined;
    pod.run(['touch', '/tmp/stop']);
    await ended;
    pod.remove();
    if (!told) throw new Error(`clients of ${namespace.name}: ${said.slice(-1000)}`);
    return { seconds, ...JSON.parse(told) };
  }

  public exec(container: string, command: string[], input?: string): string {
    const { status, stdout, stderr } = this.try(container, command, input);
    if (status !== 0) throw new Error(`${container} in ${this.namespace.name}: ${stderr.slice(-1000)}`);
    return stdout;
  }

  private try(container: string, command: string[], input?: string) {
    const pod = this.servers().filter(isReady)[0].metadata.name;
    const args = ['exec', '--stdin', pod, '--container', container, '--', ...command];
    return this.namespace.try(args, { input, seconds: 120 });
  }
}
