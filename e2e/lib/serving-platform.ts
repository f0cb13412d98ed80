import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Chart, Size } from 'cdk8s';
import { Namespace } from './namespace';
import { forThisCluster, little } from './platform';
import { isReady, Pod } from './pods';
import { run, until } from './process';
import { MlflowPlatform, MlflowPlatformProps, RestrictedNamespace } from '../../lib';

const output = join(__dirname, '..', 'output');

/** A small platform, and servings in a namespace beside it. */
export class ServingPlatform {
  public readonly namespace: Namespace;
  public readonly models: Namespace;
  private readonly manifest: string;

  constructor(
    name: string,
    private readonly build: (mlflow: MlflowPlatform, models: Chart) => void,
    private readonly props: MlflowPlatformProps = {},
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
    writeFileSync(this.manifest, forThisCluster(app.synthYaml()));
    // Objects of two namespaces: no --namespace.
    const applied = run('kubectl', ['apply', '--filename', this.manifest]);
    if (applied.status !== 0) throw new Error(applied.stderr);
  }

  public async untilServerReady(seconds: number): Promise<void> {
    const pods = () => this.namespace.json<{ items: Pod[] }>('get', 'pods', '--selector', 'app=mlflow-server').items;
    await until('a tracking server is Ready', seconds, () => pods().some(isReady));
  }

  public pods(serving: string): Pod[] {
    return this.models.json<{ items: Pod[] }>('get', 'pods', '--selector', `app=${serving}-serving`).items;
  }

  /** Sets the version as the deployer does: by server-side apply of its fields alone. */
  public setVersion(serving: string, version: string): void {
    const env = [{ name: 'MODEL_VERSION', value: version }];
    const labels = { 'model-version': version };
    const containers = [{ name: 'model-server', env }];
    const patch = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: `${serving}-serving`, labels },
      spec: {
        template: { metadata: { labels }, spec: { containers, initContainers: [{ name: 'download-model', env }] } },
      },
    };
    const options = ['--server-side', '--force-conflicts', '--field-manager=mlflow-model-deployer'];
    const result = this.models.try(['apply', ...options, '--filename', '-'], { input: JSON.stringify(patch) });
    if (result.status !== 0) throw new Error(result.stderr);
  }

  public remove(): void {
    this.models.remove();
    this.namespace.remove();
  }
}
