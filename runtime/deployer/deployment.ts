import { createdAnnotation, stateAnnotation, versionLabel, versionVariable } from './names';
import type { Rollout } from './rollout';
import { readState, type State, type Version, versionNumber, writeState } from './state';
import type { DeployerTarget } from './targets';

export interface SeenDeployment {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Why it is not changed: it is being deleted or paused, or lacks the containers. */
  readonly hands?: { readonly off: 'leaving' | 'paused' | 'shapeless'; readonly why: string };
  /** What both containers of the template say; undefined when they say nothing or two things. */
  readonly template?: Version;
  readonly state?: State;
  readonly rollout: Rollout;
}

/** Reads an API server's Deployment; undefined when the answer is none. */
export function look(body: any, target: DeployerTarget): SeenDeployment | undefined {
  const { metadata, spec, status } = body ?? {};
  if (body?.kind !== 'Deployment' || metadata?.name !== target.deployment) return undefined;
  if (metadata.namespace !== target.namespace || !isName(metadata.uid) || !isName(metadata.resourceVersion)) {
    return undefined;
  }
  const generation = metadata.generation;
  if (!Number.isInteger(generation) || !spec?.template?.spec) return undefined;
  const conditions: any[] = Array.isArray(status?.conditions) ? status.conditions : [];
  const condition = (type: string) => conditions.find((each) => each?.type === type);
  const progressing = condition('Progressing');
  const refused = condition('ReplicaFailure');
  const progressAt = Date.parse(progressing?.lastUpdateTime);
  return {
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    hands: hands(body, target),
    template: templateVersion(spec.template, target),
    state: readState(metadata.annotations?.[stateAnnotation]),
    rollout: {
      observed: Number.isInteger(status?.observedGeneration) && status.observedGeneration >= generation,
      desired: count(spec.replicas, 1),
      updated: count(status?.updatedReplicas, 0),
      total: count(status?.replicas, 0),
      available: count(status?.availableReplicas, 0),
      deadlineSeconds: count(spec.progressDeadlineSeconds, 600),
      timedOut: progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded',
      ...(!Number.isNaN(progressAt) && { progressAt }),
      ...(refused?.status === 'True' && { refused: String(refused.message).slice(0, 300) }),
    },
  };
}

function hands({ metadata, spec }: any, target: DeployerTarget): SeenDeployment['hands'] {
  if (metadata.deletionTimestamp) return { off: 'leaving', why: 'it is being deleted' };
  if (spec.paused) return { off: 'paused', why: 'it is paused (kubectl rollout resume lets it go on)' };
  const { container, initContainer } = target;
  // Applied all the same, the API server would take our one variable for a new container.
  if (!find(spec.template.spec.containers, container)) return { off: 'shapeless', why: `it has no ${container}` };
  if (!find(spec.template.spec.initContainers, initContainer)) {
    return { off: 'shapeless', why: `it has no init container ${initContainer}` };
  }
  return undefined;
}

function templateVersion({ metadata, spec }: any, target: DeployerTarget): Version | undefined {
  const variable = (container: any) => find(container?.env, versionVariable)?.value;
  const version = variable(find(spec.containers, target.container));
  const other = variable(find(spec.initContainers, target.initContainer));
  if (typeof version !== 'string' || version !== other || !versionNumber.test(version)) return undefined;
  const created = Number(metadata?.annotations?.[createdAnnotation] ?? NaN);
  return { version, ...(Number.isSafeInteger(created) && { created }) };
}

/**
 * The body of the server-side apply: these fields and no other. The uid keeps it from making a Deployment that was
 * deleted meanwhile, the resourceVersion from deciding on what is no longer so.
 */
export function patch(target: DeployerTarget, seen: SeenDeployment, state: State): object {
  const { version, created } = state;
  const labels = { [versionLabel]: version };
  const env = [{ name: versionVariable, value: version }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: target.deployment,
      namespace: target.namespace,
      uid: seen.uid,
      resourceVersion: seen.resourceVersion,
      labels,
      annotations: { [stateAnnotation]: writeState(state) },
    },
    spec: {
      template: {
        metadata: {
          labels,
          ...(created !== undefined && { annotations: { [createdAnnotation]: String(created) } }),
        },
        spec: {
          containers: [{ name: target.container, env }],
          initContainers: [{ name: target.initContainer, env }],
        },
      },
    },
  };
}

function find(list: any, name: string): any {
  return Array.isArray(list) ? list.find((each) => each?.name === name) : undefined;
}

const count = (value: unknown, usual: number) => (Number.isInteger(value) ? (value as number) : usual);
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';
