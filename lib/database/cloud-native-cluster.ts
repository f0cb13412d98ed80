import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { CloudNativePostgresProps, DatabaseDurability } from './cloud-native-postgres-props';
import { Tuning, settings } from './tuning';
import { PlacementOptions } from '../component/pod-options';
import { mebibytes, quantity, renderResources } from '../kubernetes/resources';

/** MLflow's role, which owns its databases. */
export const OWNER = 'mlflow';
/** With the operator's default of 180 s, an old primary serves open connections and refuses new ones for three minutes. */
const SMART_SHUTDOWN_SECONDS = 15;
/** Name of the external cluster that `recoverFrom` becomes. */
const ORIGIN = 'origin';

export interface ClusterProps {
  readonly props: CloudNativePostgresProps;
  readonly image: string;
  readonly databaseName: string;
  readonly storage: Size;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly podSelector: Record<string, string>;
  readonly tuning: Tuning;
  /** `plugins` and `serviceAccountTemplate`, with an archive. */
  readonly archive: { readonly plugins?: object[]; readonly serviceAccountTemplate?: object };
  /** The plugin's configuration that reads an archive of this name. */
  readonly archiveOf: (serverName: string) => object;
}

/** The number of instances, and what a write waits for. */
export function durabilityOf({ instances = 3, durability }: CloudNativePostgresProps): DatabaseDurability {
  if (durability !== undefined) return durability;
  if (instances === 1) return DatabaseDurability.ASYNCHRONOUS;
  return instances === 2 ? DatabaseDurability.PREFERRED : DatabaseDurability.SYNCHRONOUS;
}

/** `spec` of the Cluster. Its quantities are in canonical form, as the operator writes them. */
export function clusterSpec(cluster: ClusterProps): object {
  const { props, placement, storage, podSelector } = cluster;
  const { walStorage, storageClassName: storageClass, instances = 3, differentNodes = true } = props;
  const { imagePullSecrets = [], tolerations } = placement;
  return {
    instances,
    imageName: cluster.image,
    imagePullSecrets: imagePullSecrets.length > 0 ? imagePullSecrets.map((name) => ({ name })) : undefined,
    storage: { size: quantity(storage), storageClass },
    walStorage: walStorage && { size: quantity(walStorage), storageClass },
    resources: renderResources(cluster.resources),
    priorityClassName: placement.priorityClassName,
    postgresql: {
      parameters: { ...parameters(cluster), ...props.parameters },
      synchronous: synchronous(durabilityOf(props)),
    },
    bootstrap: bootstrap(cluster),
    externalClusters: props.recoverFrom && [{ name: ORIGIN, plugin: cluster.archiveOf(props.recoverFrom.serverName) }],
    ...cluster.archive,
    smartShutdownTimeout: SMART_SHUTDOWN_SECONDS,
    // A restart of the primary stops writes for twice as long, and before it the primary refuses new connections.
    primaryUpdateMethod: 'switchover',
    affinity: {
      enablePodAntiAffinity: true,
      podAntiAffinityType: differentNodes ? 'required' : 'preferred',
      topologyKey: 'kubernetes.io/hostname',
      nodeSelector: { 'kubernetes.io/os': 'linux', ...placement.nodeSelector },
      tolerations,
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: podSelector },
      },
    ],
  };
}

function bootstrap({ props, databaseName }: ClusterProps): object {
  const database = { database: databaseName, owner: OWNER };
  const { recoverFrom } = props;
  if (!recoverFrom) {
    // As in the embedded PostgreSQL: an update of the image's C library can change other locales, which breaks indexes.
    const locale = { encoding: 'UTF8', localeCollate: 'C.UTF-8', localeCType: 'C.UTF-8' };
    return { initdb: { ...database, ...locale, dataChecksums: true } };
  }
  const recoveryTarget = recoverFrom.time === undefined ? undefined : { targetTime: recoverFrom.time };
  return { recovery: { source: ORIGIN, ...database, recoveryTarget } };
}

function synchronous(durability: DatabaseDurability): object | undefined {
  if (durability === DatabaseDurability.ASYNCHRONOUS) return undefined;
  const dataDurability = durability === DatabaseDurability.SYNCHRONOUS ? 'required' : 'preferred';
  return { method: 'any', number: 1, dataDurability, failoverQuorum: true };
}

/** All values are strings: the webhook refuses numbers. */
function parameters({ tuning, storage, props }: ClusterProps): Record<string, string> {
  return {
    ...settings(tuning),
    // Without a limit, the primary keeps the log for the slot of a lost standby until its volume is full.
    max_slot_wal_keep_size: `${Math.floor(mebibytes(props.walStorage ?? storage) / 3)}MB`,
    // Without it a standby has a write when it is acknowledged, and does not show it yet. MLflow reads it at once.
    ...(props.readReplicas && { synchronous_commit: 'remote_apply' }),
  };
}
