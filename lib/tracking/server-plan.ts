import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Images } from '../images';
import { ArtifactAccess, TrackingServerOptions } from './tracking-server-props';
import { AutoscalerBounds, autoscalerBounds } from '../kubernetes/autoscaler';
import { PlacementOptions, defaultSpace, mirrored } from '../kubernetes/pod-options';
import { LOG_SPACE, mebibytes, mergeResources } from '../kubernetes/resources';

/**
 * Engines of SQLAlchemy that one process of `mlflow server` opens, each with a pool of its own: runs, registry and jobs
 * (that one when first asked, also with jobs off); with MLflow's own login the users too, and one connection more.
 */
const ENGINES = 3;

/** Ephemeral storage for metrics and logs, beside the spool. */
const OTHER_SPACE_MEBIBYTES = 512;

/** The props with every default filled in, and the numbers that follow from them. */
export interface ServerPlan {
  readonly image: string;
  readonly proxyImage: string;
  readonly resources: ContainerResources;
  readonly proxyResources: ContainerResources;
  readonly autoscaling?: AutoscalerBounds;
  readonly workers: number;
  readonly pool: { size: number; maxOverflow: number };
  readonly spool: Size;
  /** The largest artifact that passes. */
  readonly maxArtifactMebibytes: number;
  readonly dumpSpace: Size;
  readonly drainSeconds: number;
  readonly artifactAccess: ArtifactAccess;
  /** Pods that can be there at once; a rollout adds one. */
  readonly maxPods: number;
}

export function serverPlan(props: TrackingServerOptions, placement: PlacementOptions): ServerPlan {
  const autoscaling = autoscalerBounds(props);
  const spool = props.spool ?? defaultSpace(10, placement);
  const disk = Math.ceil(mebibytes(spool)) + OTHER_SPACE_MEBIBYTES;
  const resources = mergeResources(
    {
      cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
      memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
      ephemeralStorage: {
        request: disk < 1024 ? Size.mebibytes(disk) : Size.gibibytes(1),
        limit: Size.mebibytes(disk),
      },
    },
    props.resources,
  );
  const space = Math.min(mebibytes(spool), mebibytes(resources.ephemeralStorage!.limit!) - OTHER_SPACE_MEBIBYTES);
  return {
    image: props.image ?? mirrored(Images.MLFLOW, placement),
    proxyImage: props.proxyImage ?? mirrored(Images.NGINX, placement),
    resources,
    proxyResources: mergeResources(
      {
        cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
        ephemeralStorage: LOG_SPACE,
      },
      props.proxyResources,
    ),
    autoscaling,
    workers: props.workers ?? 1,
    pool: { size: props.connectionPool?.size ?? 3, maxOverflow: props.connectionPool?.maxOverflow ?? 3 },
    spool,
    // A little below what the volume and the limit hold: the kubelet measures with a lag.
    maxArtifactMebibytes: Math.max(1, Math.floor(space * 0.9)),
    dumpSpace: props.dumpSpace ?? defaultSpace(20, placement),
    drainSeconds: props.drainSeconds ?? 60,
    artifactAccess: props.artifactAccess ?? ArtifactAccess.PROXIED,
    maxPods: autoscaling?.maxReplicas ?? props.replicas ?? 1,
  };
}

/** Connections that all servers together can hold open, with one more that a rollout adds. */
export function serverConnections(plan: ServerPlan, ownLogin: boolean): number {
  const pool = plan.pool.size + plan.pool.maxOverflow;
  return (plan.maxPods + 1) * plan.workers * (ENGINES * pool + (ownLogin ? pool + 1 : 0));
}

/** The options of `mlflow server` that say who moves the artifacts. */
export function artifactArguments(plan: ServerPlan, root: string): string[] {
  return plan.artifactAccess === ArtifactAccess.DIRECT
    ? ['--no-serve-artifacts', '--default-artifact-root', root]
    : ['--artifacts-destination', root];
}
