import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Migration } from './migration';
import { onceJob } from '../component/once-job';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, contentHash, programs, withRevision } from '../component/program';
import { configMap } from '../component/standard-objects';
import { SecretVariable } from '../kubernetes/connection';
import { Volume, VolumeMount } from '../kubernetes/manifest';
import { environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { check } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'mounted.py', 'plan_file.py', 'schema.py'];

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

/** What all Jobs that write a plan have in common. */
export interface PlanJobOptions {
  /** Name of the Job without its hash, and of its ConfigMap. */
  readonly name: string;
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly environment?: Record<string, string>;
}

interface PlanJobProps extends PlanJobOptions {
  /** Name of the container, and the start of the ids of its objects. */
  readonly id: string;
  /** File of runtime/mlflow/. */
  readonly program: string;
  /** Files besides the programs, asked at synth: the plan among them. */
  readonly files: () => Record<string, string>;
  readonly variables: Record<string, string>;
  readonly secretVariables?: SecretVariable[];
  readonly mounts?: VolumeMount[];
  readonly volumes?: Volume[];
}

/**
 * Writes a plan into a database of MLflow. It is a separate Job, so that a changed plan starts no migration. Its pods have the
 * migration's labels, ServiceAccount and NetworkPolicy. Exit code 3 is not retried.
 */
export function planJob(migration: Migration, props: PlanJobProps): void {
  check(migration, resourceRules(mergeResources(resources, props.placement.jobResources), 'jobResources'));
  const content = () => ({ ...programs(...FILES, props.program), ...props.files() });
  const files = () => withRevision(content());
  configMap(migration, `${props.id}-config-map`, props.name, files);
  onceJob(migration, `${props.id}-job`, {
    name: props.name,
    backoffLimit: 10,
    failOnExitCodes: { container: props.id, codes: [3] },
    inputs: () => Object.values(files()),
    pod: () => pod(migration, props, contentHash(content())),
  });
}

function pod(migration: Migration, props: PlanJobProps, revision: string): PodProps {
  const mounted = mountConnections([migration.database], props.secretVariables);
  return {
    user: ANY_USER,
    placement: props.placement,
    containers: [
      {
        name: props.id,
        image: props.image,
        command: ['python', `${PROGRAMS}/${props.program}`],
        env: environment({
          ...MLFLOW_PROGRAM,
          ...props.variables,
          MOUNTED_REVISION: revision,
          ...mounted.environment,
          ...props.environment,
        }),
        resources: renderResources(mergeResources(resources, props.placement.jobResources)),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'program', mountPath: PROGRAMS, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
          ...(props.mounts ?? []),
          ...mounted.mounts,
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: props.name } },
      scratch('tmp', Size.mebibytes(128)),
      ...(props.volumes ?? []),
      ...mounted.volumes,
    ],
  };
}
