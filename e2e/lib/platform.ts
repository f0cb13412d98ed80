import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Chart, Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Namespace } from './namespace';
import { isReady, Pod } from './pods';
import { until } from './process';
import { RestrictedNamespace } from '../../lib';

const output = join(__dirname, '..', 'output');

/** Small requests, so that several platforms fit on a node of two cores. Limits keep their defaults. */
export const little: ContainerResources = {
  cpu: { request: Cpu.millis(20) },
  memory: { request: Size.mebibytes(128) },
};

/** A platform's YAML, and its objects in the cluster. */
export class Platform {
  public readonly manifest: string;

  /**
   * @param namespace of the platform; the YAML creates it unless `shared` is true
   * @param name id of the platform that `build` adds to the chart
   */
  constructor(
    public readonly namespace: Namespace,
    public readonly name: string,
    private readonly build: (chart: Chart) => void,
    private readonly options: { readonly shared?: boolean; readonly file?: string } = {},
  ) {
    this.manifest = join(output, `${options.file ?? `${namespace.name}-${name}`}.k8s.yaml`);
  }

  public synth(): this {
    const app = new App({ outdir: output });
    const chart = new Chart(app, 'chart', { namespace: this.namespace.name });
    if (!this.options.shared) new RestrictedNamespace(chart, 'namespace');
    this.build(chart);
    mkdirSync(output, { recursive: true });
    writeFileSync(this.manifest, app.synthYaml());
    return this;
  }

  public apply(...options: string[]): void {
    this.namespace.kubectl('apply', ...options, '--filename', this.manifest);
  }

  /** Deletes the namespace, applies the YAML, and waits until all pods are Ready. */
  public async install(servers: number, seconds = 300): Promise<void> {
    this.namespace.remove();
    this.synth().apply();
    await this.untilReady(servers, seconds);
  }

  /** The content of each applied object, with its generation, which increases with each change. */
  public versions(): Record<string, string> {
    const { items } = this.namespace.json<{ items: any[] }>('get', '--filename', this.manifest);
    return Object.fromEntries(
      items.map(({ kind, metadata, spec, data, rules, subjects }) => [
        `${kind}/${metadata.name}`,
        JSON.stringify([metadata.generation, metadata.labels, spec, data, rules, subjects]),
      ]),
    );
  }

  public pods(selector = `app.kubernetes.io/part-of=mlflow,app.kubernetes.io/instance=${this.name}`): Pod[] {
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
