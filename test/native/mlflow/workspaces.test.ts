import { join } from 'node:path';
import { Servers } from './servers';
import { ask } from '../nginx/client';

const HUMAN = 'mlflow';
let servers: Servers;

beforeAll(async () => {
  const workspaces = [{ name: 'team-a' }, { name: 'team-b', users: [HUMAN] }];
  servers = await Servers.of('tenants', { workspaces });
  // As the Job does it: the proxy lets no client create one.
  for (const { name } of workspaces) {
    const body = JSON.stringify({ name });
    const headers = { 'content-type': 'application/json', host: 'localhost' };
    const path = '/api/3.0/mlflow/workspaces';
    const { status } = await ask({ port: servers.ours, method: 'POST', path, headers, body });
    expect([200, 201]).toContain(status);
  }
}, 900_000);
afterAll(() => servers?.stop());

test("MLflow's client trains and registers in a workspace, and reaches nothing of another team", async () => {
  const output = await servers.python([join(__dirname, 'two_teams.py')]);
  expect(JSON.parse(output.trim().split('\n').pop()!)).toEqual({
    artifact: 'mlflow-artifacts:/workspaces/team-b/',
    experiments: ['of team-a'],
    run: 'RESOURCE_DOES_NOT_EXIST',
    model: 'RESOURCE_DOES_NOT_EXIST',
    list_artifacts: 'RESOURCE_DOES_NOT_EXIST',
    file_of_b: 400,
    file_by_default: 401,
    file_as_b: 401,
    write_to_b: 400,
    source_of_b: 'refused',
    own_file: 200,
    create_workspace: 403,
    delete_workspace: 403,
  });
}, 600_000);
