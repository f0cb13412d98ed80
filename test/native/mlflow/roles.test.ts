import { join } from 'node:path';
import { Servers } from './servers';
import { ServiceUserRole } from '../../../lib/nginx/service-user-role';

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start();
}, 900_000);
afterAll(() => servers?.stop());

async function refusedTo(role: ServiceUserRole): Promise<Record<string, string>> {
  const output = await servers.python([join(__dirname, `role_of_${role}.py`)], {
    MLFLOW_TRACKING_USERNAME: `the-${role}`,
    MLFLOW_TRACKING_PASSWORD: `${role}-secret`,
    MLFLOW_ENABLE_ASYNC_TRACE_LOGGING: 'false',
  });
  return JSON.parse(output.trim().split('\n').pop()!);
}

test('a trainer trains, logs and registers, and neither deletes nor decides what is served', async () => {
  const denied = 'PERMISSION_DENIED';
  expect(await refusedTo(ServiceUserRole.TRAINER)).toEqual({
    delete_experiment: denied,
    rename_experiment: denied,
    delete_run: denied,
    set_alias: denied,
    delete_version: denied,
    delete_model: denied,
    delete_traces: denied,
    create_webhook: denied,
  });
}, 300_000);

test('a reader reads what a trainer has written, and changes nothing', async () => {
  const denied = 'PERMISSION_DENIED';
  expect(await refusedTo(ServiceUserRole.READER)).toEqual({
    create_experiment: denied,
    create_run: denied,
    log_metric: denied,
    set_tag: denied,
    log_text: '403',
    create_version: denied,
    set_version_tag: denied,
    set_trace_tag: denied,
  });
}, 300_000);
