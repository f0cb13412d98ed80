import { Rendered, find, findByPrefix, synth } from './synth';
import {
  MinioStore,
  MinioStoreProps,
  PostgresStatefulSet,
  PostgresStatefulSetProps,
  SeaweedStore,
  SeaweedStoreProps,
} from '../../lib';
import { ConnectionClient } from '../../lib/kubernetes/connection';

/** The objects of one component that tests check. */
export interface RenderedComponent {
  readonly objects: Rendered[];
  readonly statefulSet: Rendered;
  readonly pod: Rendered;
  readonly container: Rendered;
  readonly service: Rendered;
  readonly policy: Rendered;
  /** The set-up Job and its container. */
  readonly job: Rendered;
  readonly jobContainer: Rendered;
}

/** A database with the name that it has in a platform 'mlflow', but as the only component of its chart. */
export function postgres(
  props: PostgresStatefulSetProps = {},
  more: (database: PostgresStatefulSet) => void = () => {},
): RenderedComponent {
  return renderedComponent(
    'mlflow-postgres',
    synth((chart) => more(new PostgresStatefulSet(chart, 'mlflow-postgres', props))),
  );
}

/** A store with the name that it has in a platform 'mlflow', but as the only component of its chart. */
export function minio(props: MinioStoreProps = {}, more: (store: MinioStore) => void = () => {}): RenderedComponent {
  return renderedComponent(
    'mlflow-minio',
    synth((chart) => more(new MinioStore(chart, 'mlflow-minio', props))),
  );
}

/** The same for SeaweedFS, which has no set-up Job. */
export function seaweed(
  props: SeaweedStoreProps = {},
  more: (store: SeaweedStore) => void = () => {},
): Omit<RenderedComponent, 'job' | 'jobContainer'> {
  return renderedServer(
    'mlflow-seaweedfs',
    synth((chart) => more(new SeaweedStore(chart, 'mlflow-seaweedfs', props))),
  );
}

/** A client that opens this number of connections to a database. */
export function client(maxConnections: number, app = 'server'): ConnectionClient {
  return { name: `chart/${app}`, podLabels: { app }, namespace: 'mlflow', maxConnections };
}

/** Environment of a container, by name. */
export function environmentOf(container: Rendered): Record<string, string> {
  return Object.fromEntries((container.env ?? []).map(({ name, value }: Rendered) => [name, value]));
}

/** `Kind/name` of each pod owner that mounts the Secret or reads it into its environment. */
export function readersOf(secret: string, objects: Rendered[]): string[] {
  return objects
    .filter((object) => JSON.stringify(object.spec?.template?.spec ?? {}).includes(`"${secret}"`))
    .map((object) => `${object.kind}/${object.metadata.name.replace(/-[0-9a-f]{8}$/, '')}`)
    .sort();
}

function renderedComponent(name: string, objects: Rendered[]): RenderedComponent {
  const job = findByPrefix(objects, 'Job', `${name}-set-up-`);
  return { ...renderedServer(name, objects), job, jobContainer: job.spec.template.spec.containers[0] };
}

function renderedServer(name: string, objects: Rendered[]): Omit<RenderedComponent, 'job' | 'jobContainer'> {
  const statefulSet = find(objects, 'StatefulSet', name);
  const pod = statefulSet.spec.template.spec;
  return {
    objects,
    statefulSet,
    pod,
    container: pod.containers[0],
    service: find(objects, 'Service', name),
    policy: find(objects, 'NetworkPolicy', name),
  };
}
