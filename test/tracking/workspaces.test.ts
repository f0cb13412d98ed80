import {
  ArtifactStore,
  Authentication,
  Credentials,
  DataVolume,
  Database,
  Exposure,
  MlflowPlatform,
  RegisteredModel,
  ServiceUserRole,
} from '../../lib';
import { WorkspaceProps } from '../../lib/tracking/workspace';
import { find, synth } from '../support/synth';

const OIDC = Authentication.oidc({
  ...{ issuer: 'https://login.example.com', clientId: 'mlflow' },
  credentials: Credentials.fromSecret('mlflow-sso'),
});
const workspaces = [{ name: 'fraud', description: 'Team fraud', users: ['ann'] }, { name: 'pricing' }];

const objects = (build?: (platform: MlflowPlatform) => void, server = { workspaces }) =>
  synth((chart) => {
    const platform = new MlflowPlatform(chart, 'mlflow', { server });
    build?.(platform);
  });
const job = (all: any[], start: string) =>
  all.find(({ kind, metadata }) => kind === 'Job' && metadata.name.startsWith(start));
const nginx = (all: any[]) => find(all, 'ConfigMap', 'mlflow-server-proxy').data['nginx.conf'] as string;
const variable = (container: any, name: string) => container.env.find((each: any) => each.name === name)?.value;

test('a Job creates the workspaces, beside the migration, and MLflow runs with them', () => {
  const all = objects();
  const { data } = find(all, 'ConfigMap', 'mlflow-server-workspaces');
  expect(JSON.parse(data['workspaces.json'])).toEqual([
    { name: 'fraud', description: 'Team fraud' },
    { name: 'pricing' },
  ]);
  const { spec } = job(all, 'mlflow-server-workspaces-').spec.template;
  expect(spec.containers[0].command).toEqual(['python', expect.stringMatching(/\/workspaces\.py$/)]);
  expect(spec.serviceAccountName).toBe('mlflow-server-migration');
  const pod = find(all, 'Deployment', 'mlflow-server').spec.template.spec;
  const mlflow = [...pod.initContainers, ...pod.containers].find(({ name }) => name === 'mlflow');
  expect(variable(mlflow, 'MLFLOW_ENABLE_WORKSPACES')).toBe('true');
});

test('a further workspace without members changes neither the migration nor the users of the others', () => {
  const of = (...names: string[]) => objects(undefined, { workspaces: names.map((name) => ({ name })) as never });
  const [one, two] = [of('fraud'), of('fraud', 'pricing')];
  expect(job(one, 'mlflow-server-migration-')).toEqual(job(two, 'mlflow-server-migration-'));
  expect(job(one, 'mlflow-server-workspaces-').metadata.name).not.toBe(
    job(two, 'mlflow-server-workspaces-').metadata.name,
  );
});

test('without the prop nothing of it is in the output', () => {
  const text = JSON.stringify(synth((chart) => void new MlflowPlatform(chart, 'mlflow')));
  expect(text.replace(/locations_of_workspace|"mlflow.store.workspace[^"]*"/g, '')).not.toContain(
    'MLFLOW_ENABLE_WORKSPACES","value',
  );
  expect(text).not.toContain('mlflow-server-workspaces');
  expect(nginx(synth((chart) => void new MlflowPlatform(chart, 'mlflow')))).not.toMatch(/workspace/i);
});

test('the entry of a login names its workspace', () => {
  const all = objects(({ server }) => {
    server.addServiceUser('trainer', { role: ServiceUserRole.TRAINER, workspace: 'fraud' });
    server.addServiceUser('notebooks', { workspace: 'default' });
    server.addServiceAccount({ namespace: 'ml', name: 'pods', role: ServiceUserRole.READER, workspace: 'pricing' });
  });
  const plan = JSON.stringify(find(all, 'ConfigMap', 'mlflow-credentials').data);
  for (const entry of ['trainer.trainer_fraud', 'program.notebooks_default']) expect(plan).toContain(entry);
  expect(Object.keys(find(all, 'ConfigMap', 'mlflow-server-accounts').data)).toEqual(['reader.ml.pods_pricing']);
});

test('a serving reads the model of its workspace, with a login of that workspace', () => {
  const all = objects((platform) => {
    platform.addModelServing('churn', {
      model: RegisteredModel.byAlias('churn', 'champion', { workspace: 'fraud' }),
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
    });
  });
  const { initContainers, containers } = find(all, 'Deployment', 'churn-serving').spec.template.spec;
  for (const each of [initContainers.at(-1), containers[0]]) expect(variable(each, 'MLFLOW_WORKSPACE')).toBe('fraud');
  expect(JSON.stringify(find(all, 'ConfigMap', 'mlflow-credentials').data)).toContain('serving.churn-serving_fraud');
  const proxy = find(all, 'ConfigMap', 'churn-serving-proxy').data['nginx.conf'];
  expect(proxy).toContain('proxy_set_header X-MLFLOW-WORKSPACE fraud;');
  const targets = JSON.parse(find(all, 'ConfigMap', 'mlflow-deployer-targets').data['targets.json']);
  expect(targets.targets[0]).toMatchObject({ model: 'churn', workspace: 'fraud' });
});

test('only the people of a workspace may use it: users of the htpasswd file', () => {
  const text = nginx(objects());
  expect(text).toContain("'~^fraud:ann\\z' 0;");
  expect(text).toContain("'~^pricing:' 0;");
  expect(text).toContain('proxy_set_header X-MLFLOW-WORKSPACE $workspace;');
});

test('only the people of a workspace may use it: groups of the provider', () => {
  const all = synth(
    (chart) =>
      void new MlflowPlatform(chart, 'mlflow', {
        exposure: Exposure.ingress({ host: 'mlflow.example.com' }),
        authentication: OIDC,
        server: { workspaces: [{ name: 'fraud', groups: ['fraud-team'] }, { name: 'pricing' }] },
      }),
  );
  expect(nginx(all)).toContain("    fraud 'allowed_groups=fraud-team';\n");
});

const refused =
  (given: Partial<WorkspaceProps>[], more: Record<string, unknown> = {}) =>
  () =>
    synth(
      (chart) =>
        void new MlflowPlatform(chart, 'mlflow', { ...more, server: { workspaces: given as WorkspaceProps[] } }),
    );

test.each<[string, Partial<WorkspaceProps>[], string]>([
  ['no workspace', [], 'workspaces is []; expected at least one'],
  ['a name in capitals', [{ name: 'Fraud' }], "the name of a workspace is 'Fraud'; expected 2 to 63"],
  ['a name of one letter', [{ name: 'f' }], "the name of a workspace is 'f'"],
  ['a reserved name', [{ name: 'api' }], "the name of a workspace is 'api'"],
  ['a name twice', [{ name: 'fraud' }, { name: 'fraud' }], "workspaces has 'fraud' twice"],
  [
    'groups without a provider',
    [{ name: 'fraud', groups: ['a'] }],
    "the workspace 'fraud' has groups, with Authentication.basic()",
  ],
  ['no users', [{ name: 'fraud', users: [] }], "the workspace 'fraud' has users []"],
  ['a user with a quote', [{ name: 'fraud', users: ["a'n"] }], "the workspace 'fraud' has 'a'n' in users"],
])('refuses %s', (_, given, message) => {
  expect(refused(given)).toThrow(message);
});

test('refuses users and groups with a login that knows none', () => {
  const given = [{ name: 'fraud', users: ['ann'] }];
  expect(refused(given, { authentication: Authentication.mlflow() })).toThrow("MLflow's own permissions say who");
  expect(refused(given, { authentication: Authentication.none() })).toThrow('every client may use every workspace');
});

test('refuses workspaces in a database that only the pod of the server can open', () => {
  const volume = DataVolume.fromClaim('mlflow-data');
  const more = { database: Database.sqlite({ volume }), artifacts: ArtifactStore.volume({ volume }) };
  expect(refused([{ name: 'fraud' }], more)).toThrow('a Job creates the workspaces');
});

test('refuses workspaces in a MySQL, in which the Job cannot create them', () => {
  const database = Database.mysql({ host: 'mysql.example.com', credentials: Credentials.fromSecret('mysql') });
  expect(refused([{ name: 'fraud' }], { database })).toThrow("the server's database is Database.mysql(…)");
});

test('refuses a login of a workspace that is not declared', () => {
  const add = (options: object, given?: any) => () =>
    objects(({ server }) => void server.addServiceUser('trainer', options), given ?? { workspaces });
  expect(add({ workspace: 'frauds' })).toThrow(
    "workspace is 'frauds', and the server has the workspaces 'fraud', 'pricing'",
  );
  expect(add({ workspace: 'fraud' }, {})).toThrow("workspace is 'fraud', and the server has no workspaces");
  expect(add({ workspace: 'default' }, {})).toThrow('no workspaces');
});
