import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Forward, Namespace } from './namespace';
import { run } from './process';

const root = join(__dirname, '..', '..');
const MANIFEST = join(root, 'e2e', 'fixtures', 'prometheus.yaml');
/** What the test made and may remove. */
const MINE = { 'cdk8s-mlflow/made-by': 'e2e' };

export interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly scrapeInterval: string;
  readonly labels: Record<string, string>;
}

export interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The Prometheus Operator and a Prometheus of its making, in the namespace from which a platform expects scrapes. */
export class Prometheus {
  public readonly namespace = new Namespace('monitoring');
  private forward?: Forward;

  /** What a cluster has of it already stays as it is. */
  public start(): void {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace.name } };
    for (const object of [...kinds(), space]) {
      object.metadata.labels = MINE;
      const made = run('kubectl', ['create', '--filename', '-'], { input: JSON.stringify(object) });
      if (made.status !== 0 && !made.stderr.includes('AlreadyExists')) throw new Error(made.stderr);
    }
    const established = ['--for=condition=established', '--all', '--timeout=60s'];
    this.namespace.kubectl('wait', 'customresourcedefinition', ...established);
    this.namespace.kubectl('apply', '--filename', MANIFEST);
  }

  public async untilReady(): Promise<void> {
    const pod = 'pod/prometheus-mlflow-e2e-0';
    this.namespace.kubectl('wait', '--for=create', pod, '--timeout=180s');
    this.namespace.kubectl('wait', '--for=condition=ready', pod, '--timeout=180s');
    this.forward = await this.namespace.forward(pod, 9090);
  }

  /** What it scrapes, or tries to. */
  public async targets(): Promise<Target[]> {
    return (await this.ask('targets?state=active')).activeTargets;
  }

  /** The newest sample of each series that the query finds. */
  public async query(query: string): Promise<Sample[]> {
    const { result } = await this.ask(`query?query=${encodeURIComponent(query)}`);
    return result.map(({ metric, value }: any) => ({ labels: metric, value: Number(value[1]) }));
  }

  public leave(): void {
    this.forward?.stop();
  }

  public remove(): void {
    this.namespace.try(['delete', '--filename', MANIFEST, '--ignore-not-found', '--timeout=120s']);
    const [[label, value]] = Object.entries(MINE);
    for (const kind of ['namespace', 'customresourcedefinition']) {
      run('kubectl', ['delete', kind, '--selector', `${label}=${value}`, '--timeout=180s']);
    }
  }

  private async ask(path: string): Promise<any> {
    const answer = await fetch(`http://127.0.0.1:${this.forward!.port}/api/v1/${path}`);
    const { data, error } = (await answer.json()) as { data: unknown; error?: string };
    if (error) throw new Error(`Prometheus, ${path}: ${error}`);
    return data;
  }
}

/**
 * The kinds without which the operator does not start. The one under test has the operator's own schema; the others,
 * which are only to be there, take anything: whole they are 2 MB.
 */
function kinds(): any[] {
  const plurals = {
    Prometheus: 'prometheuses',
    PodMonitor: 'podmonitors',
    Probe: 'probes',
    PrometheusRule: 'prometheusrules',
  };
  const anything = Object.entries(plurals).map(([kind, plural]) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      names: { kind, plural },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }));
  return [parse(readFileSync(join(root, 'crds', 'servicemonitors.yaml'), 'utf8')), ...anything];
}
