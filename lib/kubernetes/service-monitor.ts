import { Construct } from 'constructs';
import { labelRules } from './metadata-rules';
import { check, nameRule, wholeRule } from './rules';
import { ServiceMonitor } from '../../imports/monitoring.coreos.com';

/** What is scraped: the port `metrics` of one Service. */
export interface Monitored {
  readonly namespace?: string;
  readonly labels: Record<string, string>;
  /** Labels of the Service. */
  readonly metricsLabels: Record<string, string>;
}

/** Adds a ServiceMonitor that is named by the id of the construct. */
export function serviceMonitor(
  construct: Construct,
  target: Monitored,
  { intervalSeconds = 30, labels }: { intervalSeconds?: number; labels?: Record<string, string> },
): void {
  const name = construct.node.id;
  check(construct, [
    nameRule('the id of the monitor', name),
    wholeRule('intervalSeconds', intervalSeconds, 1),
    ...labelRules('labels', labels),
  ]);
  new ServiceMonitor(construct, 'service-monitor', {
    metadata: { name, namespace: target.namespace, labels: { ...target.labels, ...labels } },
    spec: {
      selector: { matchLabels: selectorOf(target.metricsLabels) },
      namespaceSelector: target.namespace ? { matchNames: [target.namespace] } : undefined,
      endpoints: [{ port: 'metrics', path: '/metrics', interval: `${intervalSeconds}s` }],
    },
  });
}

function selectorOf(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    ['name', 'instance', 'component'].map((key) => [`app.kubernetes.io/${key}`, labels[`app.kubernetes.io/${key}`]]),
  );
}
