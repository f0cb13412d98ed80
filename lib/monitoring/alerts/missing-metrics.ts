import { Alert } from './alert';
import { certificatesOf } from './operations-alerts';
import { selector } from './promql';
import { volumesOf } from './storage-alerts';
import { Watched } from './watched';

/**
 * The alerts that rest on metrics of other programs do not fire without these. One alert for each program says so, by a
 * series that exists whenever the program does.
 */
export function missingMetrics(objects: Watched[]): Alert[] {
  const [deployment] = objects.filter(({ kind }) => kind === 'Deployment');
  const [volume] = volumesOf(objects);
  const [certificate] = certificatesOf(objects);
  return [
    ...(deployment ? [missing('kube-state-metrics', deployment.namespace, replicasOf(deployment))] : []),
    ...(volume ? [missing('kubelet', volume.namespace, `kubelet_volume_stats_capacity_bytes${volume.labels}`)] : []),
    ...(certificate ? [missing('cert-manager', certificate.namespace, certificate.expiration)] : []),
  ];
}

function replicasOf({ name, namespace }: Watched): string {
  return `kube_deployment_spec_replicas${selector({ namespace, deployment: name })}`;
}

function missing(component: string, namespace: string, series: string): Alert {
  return {
    ...{ component, namespace, name: 'MlflowMetricsMissing', pending: '15m' },
    expression: `absent(${series})`,
    summary: `Prometheus has no metrics of ${component} about the namespace ${namespace}.`,
    description: `The alerts that need metrics of ${component} cannot fire.`,
  };
}
