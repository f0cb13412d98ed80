import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { Forward, Namespace } from './namespace';

const MANIFEST = join(__dirname, '..', 'fixtures', 'traefik.yaml');

/** Traefik as an Ingress controller. */
export class Traefik {
  public readonly className = 'mlflow-e2e-traefik';
  public readonly namespace = new Namespace('mlflow-e2e-traefik');
  private readonly forwards: Forward[] = [];

  /** @param args arguments in addition to those of the manifest */
  public start(...args: string[]): void {
    const items = parseAllDocuments(readFileSync(MANIFEST, 'utf8')).map((document) => document.toJS());
    items.find(({ kind }) => kind === 'Deployment').spec.template.spec.containers[0].args.push(...args);
    this.namespace.apply({ apiVersion: 'v1', kind: 'List', items });
    this.namespace.kubectl('rollout', 'status', 'deployment/traefik', '--timeout=120s');
  }

  /** Its address in the cluster. */
  public address(): string {
    return this.namespace.json('get', 'service', 'traefik').spec.clusterIP;
  }

  /** Forwards local ports to it. */
  public async forward(): Promise<{ http: number; https: number }> {
    for (const port of [80, 443]) this.forwards.push(await this.namespace.forward('service/traefik', port));
    const [http, https] = this.forwards.map(({ port }) => port);
    return { http, https };
  }

  public leave(): void {
    for (const forward of this.forwards) forward.stop();
  }

  public remove(): void {
    this.namespace.try(['delete', '--filename', MANIFEST, '--ignore-not-found', '--timeout=120s']);
  }
}
