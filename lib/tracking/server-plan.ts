import { Duration, Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Images } from '../images';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { AutoscalerPlan, autoscalerPlan } from '../component/autoscaler';
import { volumeDisk } from '../component/extra-volume';
import { PlacementOptions, defaultSpace, mirrored } from '../component/pod-options';
import { seconds } from '../kubernetes/durations';
import { LOG_SPACE, mebibytes, mergeResources } from '../kubernetes/resources';

/** Requests of one process that use the database at once: with 10 servers, PostgreSQL's default memory is enough. */
const DATABASE_REQUESTS = 6;
/** MLflow runs as many requests at once as it has threads. */
export const MOST_DATABASE_REQUESTS = 40;
/**
 * Connections of a process, in one pool for all stores of MLflow: three for each request, as each can hold three while
 * it waits for a fourth, and two more, so that one request can always continue. runtime/mlflow/database_pool.py creates
 * the pool, and computes the number of requests from its size.
 */
export const poolConnections = (requests: number) => 3 * requests + 2;
/** Additional connections of a process with MLflow's own login, to the database of users: USERS_CONNECTIONS there. @internal */
export const USERS_CONNECTIONS = 4;

/** Ephemeral storage for metrics and logs, in addition to the spool. */
const OTHER_SPACE_MEBIBYTES = 512;

/** The props with every default filled in, and the numbers that follow from them. */
export interface ServerPlan {
  readonly image: string;
  readonly proxyImage: string;
  readonly resources: ContainerResources;
  readonly proxyResources: ContainerResources;
  readonly autoscaling?: AutoscalerPlan;
  readonly workers: number;
  /** Requests of a process that use the database at once. */
  readonly maxDatabaseRequests: number;
  readonly spool: Size;
  /** What the volume and the limit of the container leave for the spool. */
  readonly spoolMebibytes: number;
  /** The largest artifact that passes. */
  readonly maxArtifactMebibytes: number;
  readonly dumpSpace: Size;
  readonly drainSeconds: number;
  readonly startSeconds: number;
  readonly livenessSeconds: number;
  readonly readinessSeconds: number;
  readonly artifactAccess: ArtifactAccess;
  /** Pods that can be there at once. A rollout adds one. */
  readonly maxPods: number;
}

/** What a server requests by default. One whose database is in its own pod is for a few people. */
const USUAL = {
  cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
  memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
  proxyCpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  proxyMemory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};
const SMALL = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(2) },
  memory: { request: Size.mebibytes(448), limit: Size.gibibytes(2) },
  proxyCpu: { request: Cpu.millis(20), limit: Cpu.units(1) },
  proxyMemory: { request: Size.mebibytes(32), limit: Size.mebibytes(256) },
};

export function serverPlan(props: TrackingServerProps, placement: PlacementOptions): ServerPlan {
  const small = props.database.engine._isInPod;
  const defaults = small ? SMALL : USUAL;
  const fixed = small && props.autoscaling === undefined;
  const autoscaling = autoscalerPlan(fixed ? { replicas: props.replicas ?? 1 } : props);
  const spool = props.spool ?? defaultSpace(10, placement);
  const others = OTHER_SPACE_MEBIBYTES + volumeDisk(props.volumes);
  const disk = Math.ceil(mebibytes(spool)) + others;
  const resources = mergeResources(
    {
      cpu: defaults.cpu,
      memory: defaults.memory,
      ephemeralStorage: {
        request: disk < 1024 ? Size.mebibytes(disk) : Size.gibibytes(1),
        limit: Size.mebibytes(disk),
      },
    },
    props.resources,
  );
  const space = Math.min(mebibytes(spool), mebibytes(resources.ephemeralStorage!.limit!) - others);
  return {
    image: props.image ?? mirrored(Images.MLFLOW, placement),
    proxyImage: props.proxyImage ?? mirrored(Images.NGINX, placement),
    resources,
    proxyResources: mergeResources(
      {
        cpu: defaults.proxyCpu,
        memory: defaults.proxyMemory,
        ephemeralStorage: LOG_SPACE,
      },
      props.proxyResources,
    ),
    autoscaling,
    workers: props.workers ?? 1,
    maxDatabaseRequests: props.maxDatabaseRequests ?? DATABASE_REQUESTS,
    spool,
    spoolMebibytes: Math.max(1, Math.floor(space)),
    // A little below what the volume and the limit hold: the kubelet measures with a lag.
    maxArtifactMebibytes: Math.max(1, Math.floor(space * 0.9)),
    dumpSpace: props.dumpSpace ?? defaultSpace(20, placement),
    drainSeconds: seconds(props.drainTimeout ?? Duration.minutes(1)),
    startSeconds: seconds(props.startTimeout ?? Duration.minutes(10)),
    livenessSeconds: seconds(props.livenessTimeout ?? Duration.minutes(2)),
    readinessSeconds: seconds(props.readinessTimeout ?? Duration.seconds(30)),
    artifactAccess: props.artifactAccess ?? ArtifactAccess.PROXIED,
    maxPods: autoscaling?.maxReplicas ?? props.replicas ?? 1,
  };
}

/** Connections that all servers together can hold open, with one more that a rollout adds. */
export function serverConnections(plan: ServerPlan, ownLogin: boolean): number {
  const connections = poolConnections(plan.maxDatabaseRequests) + (ownLogin ? USERS_CONNECTIONS : 0);
  return (plan.maxPods + 1) * plan.workers * connections;
}

/** The options of `mlflow server` that say who moves the artifacts. */
export function artifactArguments(plan: ServerPlan, root: string): string[] {
  return plan.artifactAccess === ArtifactAccess.DIRECT
    ? ['--no-serve-artifacts', '--default-artifact-root', root]
    : ['--artifacts-destination', root];
}
