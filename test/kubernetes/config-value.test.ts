import { ConfigValue } from '../../lib';
import { podOf, servingError, servingObjects } from '../serving/servings';
import { find } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const threshold = ConfigValue.fromConfigMap('settings', 'threshold');
const variable = {
  name: 'CHURN_THRESHOLD',
  valueFrom: { configMapKeyRef: { name: 'settings', key: 'threshold' } },
};

test('a value of a ConfigMap reaches MLflow of a server and of a serving', () => {
  const configEnvironment = { CHURN_THRESHOLD: threshold, OMP_NUM_THREADS: threshold };
  const { spec } = podOf(servingObjects({ configEnvironment }));
  for (const { env } of [spec.initContainers[0], spec.containers[0]]) {
    expect(env).toContainEqual(variable);
    const names = env.map(({ name }: any) => name);
    expect(new Set(names).size).toBe(names.length);
  }
  const server = find(serverObjects({ configEnvironment: { CHURN_THRESHOLD: threshold } }), 'Deployment', 'server');
  for (const { env } of server.spec.template.spec.initContainers) expect(env).toContainEqual(variable);
});

test('takes the place of a default of the library', () => {
  const objects = serverObjects({ configEnvironment: { MLFLOW_DISABLE_TELEMETRY: threshold } });
  const [, { env }] = find(objects, 'Deployment', 'server').spec.template.spec.initContainers;
  expect(env.filter(({ name }: any) => name === 'MLFLOW_DISABLE_TELEMETRY')).toHaveLength(1);
});

test.each([
  [{ 'A=B': threshold }, "configEnvironment has the variable 'A=B'"],
  [{ A: ConfigValue.fromConfigMap('A B', 'key') }, "the name of the ConfigMap of configEnvironment.A is 'A B'"],
  [{ A: ConfigValue.fromConfigMap('a', 'a/b') }, "the key of configEnvironment.A is 'a/b'"],
  [{ MLFLOW_WORKERS: threshold }, 'configEnvironment has MLFLOW_WORKERS; expected the prop workers'],
  [{ PGHOST: threshold }, 'configEnvironment has PGHOST'],
])('a server refuses %j', (configEnvironment, message) => {
  expect(serverError({ configEnvironment })).toContain(message);
});

test('refuses a variable that environment has too', () => {
  const props = { environment: { A: '1' }, configEnvironment: { A: threshold } };
  expect(servingError(props)).toContain('configEnvironment and environment have A; expected it in one of the two');
});
