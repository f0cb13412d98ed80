import { join } from 'node:path';
import { Additions, ofAnything, ofCrds } from './definitions';
import { Forward, Namespace } from './namespace';

const MANIFEST = join(__dirname, '..', 'fixtures', 'prometheus.yaml');

export interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly scrapeInterval: string;
  readonly labels: Record<string, string>;
}

export interface LoadedRule {
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The Prometheus Operator and a Prometheus, in the namespace that may scrape a platform by default. */
export class Prometheus {
  public readonly namespace = new Namespace('monitoring');
  private readonly additions = new Additions('e2e-prometheus');
  private forward?: Forward;

  public start(): void {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace.name } };
    this.additions.add(...kinds(), space);
    this.namespace.kubectl('apply', '--filename', MANIFEST);
  }

  public async untilReady(): Promise<void> {
    const pod = 'pod/prometheus-mlflow-e2e-0';
    this.namespace.kubectl('wait', '--for=create', pod, '--timeout=180s');
    this.namespace.kubectl('wait', '--for=condition=ready', pod, '--timeout=180s');
    this.forward = await this.namespace.forward(pod, 9090);
  }

  /** Its active targets. */
  public async targets(): Promise<Target[]> {
    return (await this.ask('targets?state=active')).activeTargets;
  }

  /** The newest sample of each series of the query. */
  public async query(query: string): Promise<Sample[]> {
    const { result } = await this.ask(`query?query=${encodeURIComponent(query)}`);
    return result.map(({ metric, value }: any) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The alerting rules that it has loaded from the PrometheusRules of a namespace. */
  public async rules(namespace: string): Promise<LoadedRule[]> {
    const { groups } = await this.ask('rules?type=alert');
    return groups.filter(({ file }: any) => file.includes(`/${namespace}-`)).flatMap(({ rules }: any) => rules);
  }

  /** Names of the alerts that fire about a platform's namespaces. */
  public async firing(...namespaces: string[]): Promise<string[]> {
    const { alerts } = await this.ask('alerts');
    const firing = alerts.filter(
      ({ state, labels }: any) => state === 'firing' && namespaces.includes(labels.namespace),
    );
    return [...new Set<string>(firing.map(({ labels }: any) => labels.alertname))].sort();
  }

  public leave(): void {
    this.forward?.stop();
  }

  public remove(): void {
    this.namespace.try(['delete', '--filename', MANIFEST, '--ignore-not-found', '--timeout=120s']);
    this.additions.remove();
  }

  private async ask(path: string): Promise<any> {
    const answer = await fetch(`http://127.0.0.1:${this.forward!.port}/api/v1/${path}`);
    const { data, error } = (await answer.json()) as { data: unknown; error?: string };
    if (error) throw new Error(`Prometheus, ${path}: ${error}`);
    return data;
  }
}

/** The kinds without which the operator does not start. ServiceMonitor and PrometheusRule, which are under test, have the operator's schema. */
function kinds(): any[] {
  const plurals = {
    Prometheus: 'prometheuses',
    PodMonitor: 'podmonitors',
    Probe: 'probes',
  };
  const others = Object.entries(plurals).map(([kind, plural]) =>
    ofAnything({ group: 'monitoring.coreos.com', kind, plural }),
  );
  return [ofCrds('servicemonitors.yaml'), ofCrds('prometheusrules.yaml'), ...others];
}
