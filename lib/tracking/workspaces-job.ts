import { Migration } from './migration';
import { PlanJobOptions, planJob } from './plan-job';
import { WorkspaceProps } from './workspace';
import { PROGRAMS } from '../component/program';

const PLAN = 'workspaces.json';

export interface WorkspacesJobProps extends PlanJobOptions {
  readonly workspaces: WorkspaceProps[];
}

/** Creates the workspaces in MLflow's database. Exit code 3: the database is a newer MLflow's. It deletes no workspace. */
export function workspacesJob(migration: Migration, { workspaces, ...options }: WorkspacesJobProps): void {
  const plan = workspaces.map(({ name, description }) => JSON.stringify({ name, description }));
  planJob(migration, {
    ...options,
    id: 'workspaces',
    program: 'workspaces.py',
    files: () => ({ [PLAN]: `[${plan.map((line) => `\n${line}`).join()}\n]\n` }),
    variables: { WORKSPACES_FILE: `${PROGRAMS}/${PLAN}` },
  });
}
