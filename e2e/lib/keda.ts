import { join } from 'node:path';
import { Additions, ofAnything, ofCrds } from './definitions';
import { Namespace } from './namespace';
import { run, until } from './process';

const MANIFEST = join(__dirname, '..', 'fixtures', 'keda.yaml');

/** KEDA. One that the cluster has already is used, and stays. */
export class Keda {
  public readonly namespace = new Namespace('keda');
  private readonly additions = new Additions('e2e-keda');
  private installed = false;

  public async start(): Promise<void> {
    const metrics = ['get', '--raw', '/apis/external.metrics.k8s.io/v1beta1'];
    if (this.namespace.try(metrics).status === 0) return;
    this.installed = true;
    this.additions.add(...kinds());
    // Objects of two namespaces: no --namespace.
    const applied = run('kubectl', ['apply', '--filename', MANIFEST]);
    if (applied.status !== 0) throw new Error(applied.stderr);
    for (const name of ['keda-operator', 'keda-metrics-apiserver']) {
      this.namespace.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=180s');
    }
    await until('the API of external metrics answers', 120, () => this.namespace.try(metrics).status === 0);
  }

  public remove(): void {
    if (!this.installed) return;
    // First: with an API that does not answer, no namespace can be deleted.
    this.namespace.try(['delete', 'apiservice', 'v1beta1.external.metrics.k8s.io', '--ignore-not-found']);
    run('kubectl', ['delete', '--filename', MANIFEST, '--ignore-not-found', '--timeout=120s']);
    this.additions.remove();
  }
}

/** The kinds without which KEDA does not start. Those under test have KEDA's schema. */
function kinds(): any[] {
  const others = [
    ofAnything({ group: 'keda.sh', version: 'v1alpha1', kind: 'ScaledJob', plural: 'scaledjobs' }),
    ofAnything({
      ...{ group: 'keda.sh', version: 'v1alpha1', kind: 'ClusterTriggerAuthentication' },
      ...{ plural: 'clustertriggerauthentications', scope: 'Cluster' },
    }),
    ofAnything({
      ...{ group: 'eventing.keda.sh', version: 'v1alpha1', kind: 'CloudEventSource' },
      plural: 'cloudeventsources',
    }),
    ofAnything({
      ...{ group: 'eventing.keda.sh', version: 'v1alpha1', kind: 'ClusterCloudEventSource' },
      ...{ plural: 'clustercloudeventsources', scope: 'Cluster' },
    }),
  ];
  return [ofCrds('scaledobjects.yaml'), ofCrds('triggerauthentications.yaml'), ...others];
}
