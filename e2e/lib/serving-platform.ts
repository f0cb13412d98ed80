import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Chart, Size, Yaml } from 'cdk8s';
import { Namespace } from './namespace';
import { little } from './platform';
import { isReady, Pod } from './pods';
import { run, until } from './process';
import { MlflowPlatform, MlflowPlatformProps, RestrictedNamespace } from '../../lib';

const output = join(__dirname, '..', 'output');

/** A small platform, with servings in a second namespace. */
export class ServingPlatform {
  public readonly namespace: Namespace;
  public readonly models: Namespace;
  public readonly manifest: string;

  constructor(
    name: string,
    private readonly build: (mlflow: MlflowPlatform, models: Chart) => void,
    private readonly props: MlflowPlatformProps = {},
    /** Changes an object before it is applied, as the admission of a cluster does. */
    private readonly admit: (object: any) => void = () => {},
  ) {
    this.namespace = new Namespace(name);
    this.models = new Namespace(`${name}-models`);
    this.manifest = join(output, `${name}.k8s.yaml`);
  }

  public apply(): void {
    const app = new App({ outdir: output });
    const [chart, models] = [this.namespace, this.models].map(({ name }) => {
      const each = new Chart(app, name, { namespace: name });
      new RestrictedNamespace(each, 'namespace');
      return each;
    });
    const mlflow = new MlflowPlatform(chart, 'mlflow', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      minio: { resources: little, storage: Size.gibibytes(2) },
      server: { resources: little, proxyResources: little, replicas: 1 },
      ...this.props,
    });
    this.build(mlflow, models);
    mkdirSync(output, { recursive: true });
    const objects = app.charts.flatMap((each) => each.toJson());
    objects.forEach(this.admit);
    writeFileSync(this.manifest, Yaml.stringify(...objects));
    // Objects of two namespaces: no --namespace.
    const applied = run('kubectl', ['apply', '--filename', this.manifest]);
    if (applied.status !== 0) throw new Error(applied.stderr);
  }

  public async untilServerReady(seconds: number): Promise<void> {
    const pods = () => this.namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', 'app=mlflow-server').items;
    await until('a tracking server is Ready', seconds, () => pods().some(isReady));
  }

  /** Pods of the deployer, terminating ones included. */
  public deployers(): Pod[] {
    const selector = ['--selector', 'app.kubernetes.io/component=deployer'];
    return this.namespace.json<{ items: Pod[] }>('get', 'pods', ...selector).items;
  }

  /** A metric of the deployer, or NaN. It is read through the API server, because the image has no HTTP client. */
  public deployerMetric(name: string): number {
    const path = `/api/v1/namespaces/${this.namespace.name}/pods/${this.deployers()[0].metadata.name}:9090/proxy/metrics`;
    const { stdout } = this.namespace.try(['get', '--raw', path]);
    return Number(new RegExp(`^mlflow_deployer_${name} (.+)$`, 'm').exec(stdout)?.[1]);
  }

  public pods(serving: string): Pod[] {
    return this.models.json<{ items: Pod[] }>('get', 'pods', '--selector', `app=${serving}-serving`).items;
  }

  /**
   * Sets the version as the deployer does, by server-side apply of only its fields. Not with `kubectl apply --server-side`,
   * which takes over the fields that a client-side apply has set.
   */
  public async setVersion(serving: string, version: string): Promise<void> {
    const env = [{ name: 'MODEL_VERSION', value: version }];
    const labels = { 'model-version': version };
    const spec = {
      containers: [{ name: 'model-server', env }],
      initContainers: [{ name: 'download-model', env }],
    };
    const name = `${serving}-serving`;
    const patch = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: { template: { metadata: { labels }, spec } },
    };
    const proxy = await apiProxy();
    try {
      const path = `/apis/apps/v1/namespaces/${this.models.name}/deployments/${name}`;
      const answer = await fetch(`${proxy.url}${path}?fieldManager=mlflow-model-deployer&force=true`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify(patch),
      });
      if (!answer.ok) throw new Error(await answer.text());
    } finally {
      proxy.stop();
    }
  }

  public remove(): void {
    this.models.remove();
    this.namespace.remove();
  }
}

/** Runs `kubectl proxy`: the API server without a login, on a free local port. */
async function apiProxy(): Promise<{ url: string; stop(): void }> {
  const child = spawn('kubectl', ['proxy', '--port=0']);
  const port = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      const found = /127\.0\.0\.1:(\d+)/.exec(text);
      if (found) resolve(found[1]);
    });
    child.once('exit', () => reject(new Error(`kubectl proxy: ${text}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => void child.kill() };
}
