import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Migration } from './migration';
import { WorkspaceProps } from './workspace';
import { onceJob } from '../component/once-job';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, contentHash, programs, withRevision } from '../component/program';
import { configMap } from '../component/standard-objects';
import { environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const FILES = ['secret_files.py', 'mounted.py', 'schema.py', 'workspaces.py'];
const PLAN = 'workspaces.json';

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(1) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

export interface WorkspacesJobProps {
  /** Name of the Job without its hash, and of its ConfigMap. */
  readonly name: string;
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly environment?: Record<string, string>;
  readonly workspaces: WorkspaceProps[];
}

/**
 * Creates the workspaces in MLflow's database. It is a separate Job, so that a new workspace starts no migration. Its pods have
 * the migration's labels, ServiceAccount and NetworkPolicy. It deletes no workspace.
 */
export function workspacesJob(migration: Migration, props: WorkspacesJobProps): void {
  const plan = props.workspaces.map(({ name, description }) => JSON.stringify({ name, description }));
  const content = { ...programs(...FILES), [PLAN]: `[${plan.map((line) => `\n${line}`).join()}\n]\n` };
  const files = withRevision(content);
  configMap(migration, 'workspaces-config-map', props.name, files);
  onceJob(migration, 'workspaces-job', {
    name: props.name,
    backoffLimit: 10,
    // Exit 3: the database is a newer MLflow's.
    failOnExitCodes: { container: 'workspaces', codes: [3] },
    inputs: () => Object.values(files),
    pod: () => pod(migration, props, contentHash(content)),
  });
}

function pod(migration: Migration, props: WorkspacesJobProps, revision: string): PodProps {
  const mounted = mountConnections([migration.database]);
  return {
    user: ANY_USER,
    placement: props.placement,
    containers: [
      {
        name: 'workspaces',
        image: props.image,
        command: ['python', `${PROGRAMS}/workspaces.py`],
        env: environment({
          ...MLFLOW_PROGRAM,
          WORKSPACES_FILE: `${PROGRAMS}/${PLAN}`,
          MOUNTED_REVISION: revision,
          ...mounted.environment,
          ...props.environment,
        }),
        resources: renderResources(mergeResources(resources, props.placement.jobResources)),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'program', mountPath: PROGRAMS, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
          ...mounted.mounts,
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: props.name } },
      scratch('tmp', Size.mebibytes(128)),
      ...mounted.volumes,
    ],
  };
}
