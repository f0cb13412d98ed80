import { target } from './seen';
import { json, type Seen, TestServer } from './servers';
import { selfSigned } from '../credentials/certificate';

export const token = 'header.token-of-the-service-account.signature';

/** An API server for the requests of the deployer: Deployments whose pods are ready at once, a Lease, Events. */
export class FakeCluster {
  public readonly certificate = selfSigned();
  public readonly deployments = new Map<string, any>();
  public readonly events: any[] = [];
  public lease?: any;
  public readonly server = new TestServer(
    (response, seen) => json(...this.answer(seen))(response, seen),
    this.certificate,
  );
  private version = 1;

  add(name: string): void {
    const container = (each: string) => ({ name: each });
    this.deployments.set(name, {
      kind: 'Deployment',
      metadata: { name, namespace: target.namespace, uid: name, resourceVersion: '1', generation: 1, annotations: {} },
      spec: {
        replicas: 1,
        template: {
          metadata: { annotations: {} },
          spec: { containers: [container(target.container)], initContainers: [container(target.initContainer)] },
        },
      },
      status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
    });
  }

  versionOf = (name: string) => this.deployments.get(name).spec.template.spec.containers[0].env?.[0].value;

  private answer({ method, path, headers, body }: Seen): [number, unknown] {
    if (headers.authorization !== `Bearer ${token}`) return [401, { kind: 'Status', reason: 'Unauthorized' }];
    const notFound: [number, unknown] = [404, { kind: 'Status', reason: 'NotFound', message: 'not found' }];
    if (path.includes('/leases')) {
      if (method === 'GET') return this.lease ? [200, this.lease] : notFound;
      // As in a real API server, the second of two requests gets a conflict, for a create and for an update.
      const known = method === 'POST' ? undefined : body.metadata.resourceVersion;
      if (known !== this.lease?.metadata.resourceVersion) return [409, { kind: 'Status', reason: 'Conflict' }];
      this.lease = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.version) } };
      return [method === 'POST' ? 201 : 200, this.lease];
    }
    if (path.includes('/events')) return [201, this.events.push(body)];
    const deployment = this.deployments.get(/deployments\/([^?]+)/.exec(path)?.[1] ?? '');
    if (!deployment) return notFound;
    if (method === 'PATCH') {
      if (body.metadata.resourceVersion !== deployment.metadata.resourceVersion) return [409, {}];
      Object.assign(deployment.metadata.annotations, body.metadata.annotations);
      deployment.metadata.resourceVersion = String(++this.version);
      const template = deployment.spec.template;
      Object.assign(template.metadata.annotations, body.spec.template.metadata.annotations);
      Object.assign(template.spec.containers[0], body.spec.template.spec.containers[0]);
      Object.assign(template.spec.initContainers[0], body.spec.template.spec.initContainers[0]);
    }
    return [200, deployment];
  }
}
