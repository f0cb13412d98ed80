import { EnvVar } from '../kubernetes/manifest';
import { EgressRule } from '../kubernetes/network-peer';
import { fromField } from '../kubernetes/pod';
import { Rule, shownRule } from '../kubernetes/rules';

/** What is wrong with the URL of a Pushgateway. */
export function pushgatewayRules(url?: string): Rule[] {
  if (url === undefined) return [];
  return [
    shownRule(
      !/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[\w./-]*)?$/.test(url) || !URL.canParse(url) || portOf(url) < 1,
      'pushgateway',
      url,
      "scheme, host in lower case and port, without a user, e.g. 'http://pushgateway.monitoring.svc:9091'",
    ),
  ];
}

/** The variables of runtime/mlflow/push_figures.py. */
export function pushgatewayVariables(job: string, url?: string): EnvVar[] {
  if (url === undefined) return [];
  return [
    { name: 'PUSHGATEWAY_URL', value: url },
    { name: 'METRICS_JOB', value: job },
    fromField('POD_NAMESPACE', 'metadata.namespace'),
  ];
}

/** Any address on the port of the URL. */
export function pushgatewayEgress(url?: string): EgressRule[] {
  return url === undefined ? [] : [{ peer: { anyone: true }, port: portOf(url) }];
}

function portOf(url: string): number {
  const { protocol, port } = new URL(url);
  return Number(port) || (protocol === 'http:' ? 80 : 443);
}
