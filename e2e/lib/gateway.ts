import { join } from 'node:path';
import { Certificate, tlsSecret } from './certificate';
import { Additions, ofAnything, ofCrds } from './definitions';
import { Namespace } from './namespace';
import { Traefik } from './traefik';

const MANIFEST = join(__dirname, '..', 'fixtures', 'gateway.yaml');

/** Traefik as an implementation of the Gateway API, with a Gateway that has listeners for http and https. */
export class Gateway {
  public readonly name = 'public';
  public readonly traefik = new Traefik();
  public readonly namespace: Namespace = this.traefik.namespace;
  private readonly additions = new Additions('e2e-gateway');

  public start(certificate: Certificate): void {
    this.additions.add(...kinds());
    this.traefik.start('--providers.kubernetesgateway=true');
    this.namespace.apply(tlsSecret('certificate', certificate));
    this.namespace.kubectl('apply', '--filename', MANIFEST);
    this.namespace.kubectl('wait', '--for=condition=programmed', `gateway/${this.name}`, '--timeout=120s');
  }

  public remove(): void {
    this.namespace.try(['delete', '--filename', MANIFEST, '--ignore-not-found', '--timeout=120s']);
    this.traefik.remove();
    this.additions.remove();
  }
}

/** The kinds that Traefik 3.6 watches. HTTPRoute, which is under test, has the schema of the Gateway API. */
function kinds(): any[] {
  const group = 'gateway.networking.k8s.io';
  return [
    ofCrds('httproutes.yaml'),
    ofAnything({ group, kind: 'GatewayClass', plural: 'gatewayclasses', scope: 'Cluster' }),
    ofAnything({ group, kind: 'Gateway', plural: 'gateways' }),
    ofAnything({ group, kind: 'GRPCRoute', plural: 'grpcroutes' }),
    ofAnything({ group, kind: 'BackendTLSPolicy', plural: 'backendtlspolicies' }),
    ofAnything({ group, kind: 'ReferenceGrant', plural: 'referencegrants', version: 'v1beta1' }),
  ];
}
