import { Platform } from './platform';
import { isReady } from './pods';
import { until } from './process';

/** Waits until every controller has reconciled its objects, so that they do not change any more. */
export async function untilSettled(platform: Platform, servers: number, seconds: number): Promise<void> {
  await platform.untilReady(servers, seconds);
  await until(`${platform.name} is reconciled`, seconds, () => unsettled(platform).length === 0);
}

/** Describes what is not reconciled yet. */
export function unsettled(platform: Platform): string[] {
  const own = ['--selector', `app.kubernetes.io/instance=${platform.name}`];
  const list = (kinds: string) => platform.namespace.json<{ items: any[] }>('get', kinds, ...own).items;
  const objects = list('deployments,statefulsets,horizontalpodautoscalers,jobs')
    .filter((object) => !reconciled[object.kind](object))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const pods = platform.pods().filter((pod) => pod.status.phase !== 'Succeeded' && !isReady(pod));
  return [...objects, ...pods.map(({ metadata }) => `Pod ${metadata.name}`)];
}

const reconciled: Record<string, (object: any) => boolean> = {
  Deployment: ({ metadata, spec, status }) =>
    status.observedGeneration === metadata.generation &&
    [status.replicas, status.updatedReplicas, status.readyReplicas].every((count) => count === spec.replicas),
  StatefulSet: ({ metadata, spec, status }) =>
    status.observedGeneration === metadata.generation && status.readyReplicas === spec.replicas,
  HorizontalPodAutoscaler: ({ spec, status }) =>
    status.desiredReplicas >= spec.minReplicas && status.currentReplicas === status.desiredReplicas,
  Job: ({ status }) => status.succeeded === 1,
};

/** The names of objects that differ, which are shorter to read than their contents. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const names = Object.keys({ ...before, ...after });
  return names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}
