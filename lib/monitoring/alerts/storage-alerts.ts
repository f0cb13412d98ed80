import { Alert } from './alert';
import { selector } from './promql';
import { scraped } from './server-alerts';
import { Thresholds } from './thresholds';
import { Watched, claimsOf } from './watched';
import { seconds } from '../../kubernetes/durations';

const STORES = ['minio', 'seaweedfs'];

/** Of the databases: the embedded one, or a cluster of CloudNativePG. */
export function databaseAlerts(objects: Watched[], { connectionPercent }: Thresholds): Alert[] {
  const databases = objects.filter(
    ({ kind, role }) => role === 'postgres' && ['StatefulSet', 'Cluster'].includes(kind),
  );
  return databases.flatMap((database) => {
    const { component, namespace, kind } = database;
    const labels = scraped(objects, component);
    const about = { component, namespace };
    const down = {
      ...{ ...about, name: 'MlflowDatabaseDown', pending: '5m' },
      summary: `The database ${component} does not answer.`,
    };
    if (!labels) return kind === 'StatefulSet' ? [{ ...down, ...notReady(database) }] : [];
    const all = selector(labels);
    const [up, used, most] =
      kind === 'Cluster'
        ? [
            `cnpg_collector_up${all}`,
            `sum by (pod) (cnpg_backends_total${all})`,
            `max by (pod) (cnpg_pg_settings_setting${selector(labels, 'name="max_connections"')})`,
          ]
        : [
            `pg_up${all}`,
            `sum by (pod) (pg_stat_database_numbackends${all})`,
            `max by (pod) (pg_settings_max_connections${all})`,
          ];
    return [
      {
        ...down,
        expression: `absent(${up} == 1)`,
        description: `No metrics of ${component} say that PostgreSQL answers. Metrics: those of the database.`,
      },
      {
        ...{ ...about, name: 'MlflowDatabaseConnections', pending: '10m' },
        expression: `100 * ${used} / ${most} > ${connectionPercent}`,
        summary: `The database ${component} has nearly as many connections as max_connections allows.`,
        description: `{{ $value | printf "%.0f" }} % of max_connections of ${component} are in use. Above it, clients are refused. Metrics: those of the database.`,
      },
    ];
  });
}

/** Of the embedded artifact stores. */
export function storeAlerts(objects: Watched[]): Alert[] {
  const stores = objects.filter(({ kind, role }) => kind === 'StatefulSet' && STORES.includes(role));
  return stores.map((store) => {
    const { component, namespace, role } = store;
    const down = {
      ...{ component, namespace, name: 'MlflowStoreDown', pending: '5m' },
      summary: `The artifact store ${component} does not answer.`,
    };
    const labels = scraped(objects, component);
    if (!labels) return { ...down, ...notReady(store) };
    const all = selector(labels);
    return {
      ...down,
      expression: `absent(up${all} == 1)${role === 'minio' ? ` or max(minio_cluster_health_status${all}) < 1` : ''}`,
      description: `No metrics of ${component} say that it can write. Metrics: those of the store.`,
    };
  });
}

/** Of each volume of the platform. */
export function volumeAlerts(objects: Watched[], { volumePercent, volumeFullWithin }: Thresholds): Alert[] {
  return volumesOf(objects).flatMap(({ component, namespace, labels }) => {
    const available = `kubelet_volume_stats_available_bytes${labels}`;
    const used = `100 * (1 - ${available} / kubelet_volume_stats_capacity_bytes${labels})`;
    const volume = 'The volume {{ $labels.persistentvolumeclaim }}';
    return [
      {
        ...{ component, namespace, name: 'MlflowVolumeFilling', pending: '15m' },
        expression: `${used} > ${volumePercent}`,
        summary: `A volume of ${component} is more than ${volumePercent} % full.`,
        description: `${volume} is {{ $value | printf "%.0f" }} % full. Metrics: kubelet.`,
      },
      {
        ...{ component, namespace, name: 'MlflowVolumeFullSoon', pending: '1h' },
        expression: `predict_linear(${available}[6h], ${seconds(volumeFullWithin)}) < 0 and ${used} > 50`,
        summary: `A volume of ${component} is full within ${volumeFullWithin.toHumanString()}.`,
        description: `${volume} is full within ${volumeFullWithin.toHumanString()} at the pace of the last 6 hours. Metrics: kubelet.`,
      },
    ];
  });
}

/** The volumes of each component, as labels of the kubelet's series. */
export function volumesOf(objects: Watched[]): { component: string; namespace: string; labels: string }[] {
  return objects.flatMap((object) => {
    const { component, namespace, kind, name } = object;
    const claims = claimsOf(object);
    // The operator numbers the claims of a cluster: `<name>-<number>`, and `-wal` for a second volume.
    if (kind === 'Cluster') {
      const labels = `{namespace="${namespace}", persistentvolumeclaim=~"${name}-[0-9]+(-wal)?"}`;
      return [{ component, namespace, labels }];
    }
    if (claims.length === 0) return [];
    return [{ component, namespace, labels: selector({ namespace, persistentvolumeclaim: claims }) }];
  });
}

/** A database or a store without metrics of its own. */
function notReady({ name, namespace, component }: Watched): Pick<Alert, 'expression' | 'description'> {
  return {
    expression: `kube_statefulset_status_replicas_ready${selector({ namespace, statefulset: name })} < 1`,
    description: `No pod of ${component} is ready. Metrics: kube-state-metrics.`,
  };
}
