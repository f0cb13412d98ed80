import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Namespace } from './namespace';
import { run, until } from './process';

const root = join(__dirname, '..', '..');
const output = join(root, 'e2e', 'output');

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: { readonly restartCount: number }[];
    readonly initContainerStatuses?: { readonly restartCount: number }[];
  };
}

/** One of e2e's apps, on the cluster. */
export class Platform {
  public readonly manifest: string;

  /**
   * @param app file of the app in e2e/, without its ending; its chart's id is the file that it writes
   * @param chart id of the app's chart
   * @param name id of the platform in it
   */
  constructor(
    private readonly app: string,
    chart: string,
    private readonly name: string,
    public readonly namespace: Namespace,
  ) {
    this.manifest = join(output, `${chart}.k8s.yaml`);
  }

  public synth(): void {
    const env = { E2E_NAMESPACE: this.namespace.name, E2E_OUTPUT: output };
    const result = run(process.execPath, ['--import', 'tsx', join(root, 'e2e', `${this.app}.ts`)], { env });
    if (result.status !== 0) throw new Error(result.stderr);
    if (process.env.E2E_OLD_NGINX) this.forOldNginx();
  }

  /** Some test clusters bring an nginx older than our image's (1.27.4), which does not know this directive. */
  private forOldNginx(): void {
    const text = readFileSync(this.manifest, 'utf8');
    writeFileSync(this.manifest, text.replace(/\n +keepalive_min_timeout [^\n]*/, ''));
  }

  public apply(): void {
    this.namespace.kubectl('apply', '--filename', this.manifest);
  }

  /** What applied is, object by object; a write that changes something changes its generation. */
  public versions(): Record<string, string> {
    const { items } = this.namespace.json<{ items: any[] }>('get', '--filename', this.manifest);
    return Object.fromEntries(
      items.map(({ kind, metadata, spec, data, rules, subjects }) => [
        `${kind}/${metadata.name}`,
        JSON.stringify([metadata.generation, metadata.labels, spec, data, rules, subjects]),
      ]),
    );
  }

  public pods(selector = 'app.kubernetes.io/part-of=mlflow'): Pod[] {
    return this.namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', selector).items;
  }

  public servers(): Pod[] {
    return this.pods(`app=${this.name}-server`);
  }

  /** Waits until this many servers are Ready, and the database and the store too. */
  public async untilReady(servers: number, seconds: number, stores = 1): Promise<void> {
    await until(`${servers} servers, database and store Ready`, seconds, () => {
      const ready = (app: string) => this.pods(`app=${this.name}-${app}`).filter(isReady).length;
      return ready('server') >= servers && ready('postgres') === 1 && ready('minio') === stores;
    });
  }
}

function isReady(pod: Pod): boolean {
  const ready = pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return !!ready && !pod.metadata.deletionTimestamp;
}

export function restarts(pod: Pod): number {
  const statuses = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])];
  return statuses.reduce((sum, status) => sum + status.restartCount, 0);
}
