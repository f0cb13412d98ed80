import { App, Chart } from 'cdk8s';
import {
  Authentication,
  Credentials,
  MinioStore,
  MlflowPlatform,
  MlflowPlatformProps,
  PostgresStatefulSet,
} from '../../lib';
import { PlanError, validatePlan } from '../../runtime/credentials/plan';
import { environmentOf } from '../support/components';
import {
  Rendered,
  errorOf,
  find,
  findByPrefix,
  namesOf,
  render,
  snapshotOf,
  synth,
  synthWithoutNamespace,
} from '../support/synth';
import { addServer, existingBucket, existingDatabase, serverObjects } from '../tracking/servers';

const platform = (props: MlflowPlatformProps = {}) => synth((chart) => new MlflowPlatform(chart, 'mlflow', props));
const jobsOf = (objects: Rendered[]) => namesOf(objects).filter((name) => /^Job .*-credentials-/.test(name));
const planOf = (objects: Rendered[], name: string) =>
  JSON.parse(find(objects, 'ConfigMap', name).data['credentials.json']);
const jobOf = (objects: Rendered[], name = 'server-credentials') => findByPrefix(objects, 'Job', name);

test('the credentials Job of a platform has these objects', () => {
  const objects = platform();
  const own = objects.filter(({ metadata }) => metadata.name.startsWith('mlflow-credentials'));
  expect(snapshotOf(own)).toMatchSnapshot();
});

describe('an app', () => {
  test('has one credentials Job for a platform with any components', () => {
    expect(jobsOf(platform())).toEqual([expect.stringMatching(/^Job mlflow-credentials-[0-9a-f]{8}$/)]);
  });

  test('has one credentials Job for each component without a platform', () => {
    const objects = synth((chart) => {
      const database = new PostgresStatefulSet(chart, 'postgres');
      const artifacts = new MinioStore(chart, 'minio');
      addServer(chart, { database, artifacts });
    });
    expect(
      jobsOf(objects)
        .map((name) => name.replace(/-[0-9a-f]{8}$/, ''))
        .sort(),
    ).toEqual(['Job minio-credentials', 'Job postgres-credentials', 'Job server-credentials']);
  });

  test('has no credentials Job if nothing is generated', () => {
    const objects = serverObjects({ authentication: Authentication.none(), keys: Credentials.fromSecret('keys') });
    expect(namesOf(objects).filter((name) => name.includes('credentials'))).toEqual([]);
  });
});

describe('the plan', () => {
  const withProgram = (props: MlflowPlatformProps) =>
    synth((chart) => new MlflowPlatform(chart, 'mlflow', props).server.addServiceUser('deployer'));

  test.each<[string, MlflowPlatformProps]>([
    ['by default', {}],
    ['with MLflow’s own login', { authentication: Authentication.mlflow(), server: { replicas: 1 } }],
    ['without a login', { authentication: Authentication.none() }],
    ['with database and bucket elsewhere', { database: existingDatabase(), artifacts: existingBucket() }],
  ])('is accepted by the program, %s', (_how, props) => {
    const plan = planOf(withProgram(props), 'mlflow-credentials');
    expect(validatePlan(plan)).toBe(plan);
  });

  test('has only fields that the program reads', () => {
    expect(() => validatePlan({ secrets: [{ name: 'Wrong', labels: {}, keys: {} }] })).toThrow(PlanError);
  });

  test('names the Secrets as the platform’s first manifests did', () => {
    expect(planOf(platform(), 'mlflow-credentials').secrets.map(({ name }: any) => name)).toEqual([
      'mlflow-postgres-secret',
      'mlflow-postgres-mlflow-secret',
      'mlflow-minio-secret',
      'mlflow-s3-secret',
      'mlflow-server-secret',
      'mlflow-basic-auth',
    ]);
  });

  test('holds no password', () => {
    const values = planOf(platform(), 'mlflow-credentials').secrets.flatMap(({ keys }: any) =>
      Object.values<any>(keys).flatMap(({ value = [] }) => value),
    );
    expect(values.sort()).toEqual(['admin', 'mlflow', 'postgres']);
  });
});

describe('the role', () => {
  test('may only read the Secrets of the plan by name, create Secrets and patch that of the users', () => {
    const objects = synth((chart) => new MlflowPlatform(chart, 'mlflow').server.addServiceUser('trainer'));
    const plan = planOf(objects, 'mlflow-credentials');
    const users = ['mlflow-server-users', 'mlflow-server-trainer-login'];
    const names = [...plan.secrets.map(({ name }: any) => name), ...users];
    expect(find(objects, 'Role', 'mlflow-credentials').rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: names.sort(), verbs: ['get'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['mlflow-server-users'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['mlflow-credentials'], verbs: ['get'] },
    ]);
  });

  test('may read which plan was applied, also without users', () => {
    const objects = synth((chart) => new PostgresStatefulSet(chart, 'database'));
    expect(find(objects, 'Role', 'database-credentials').rules).toContainEqual({
      ...{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['database-credentials'], verbs: ['get'] },
    });
  });

  test('is bound to the Job’s ServiceAccount, which no other pod uses', () => {
    const objects = platform();
    expect(find(objects, 'RoleBinding', 'mlflow-credentials')).toMatchObject({
      roleRef: { kind: 'Role', name: 'mlflow-credentials' },
      subjects: [{ kind: 'ServiceAccount', name: 'mlflow-credentials', namespace: 'mlflow' }],
    });
    const users = objects.filter(({ spec }) => spec?.template?.spec.serviceAccountName === 'mlflow-credentials');
    expect(users.map(({ kind }) => kind)).toEqual(['Job']);
    expect(users[0].spec.template.spec.automountServiceAccountToken).toBe(true);
  });

  test('needs a namespace, because a RoleBinding needs the one of its ServiceAccount', () => {
    const message = errorOf(() => synthWithoutNamespace((chart) => addServer(chart)));
    expect(message).toMatch(/^chart\/server\/credentials: the chart has no namespace; expected one/);
  });
});

describe('the credentials Job', () => {
  const name = (objects: Rendered[]) => jobOf(objects).metadata.name;

  test('gets a new name when the plan changes', () => {
    const more = serverObjects({}, (server) => server.addServiceUser('deployer'));
    expect(name(more)).not.toBe(name(serverObjects()));
  });

  test('keeps its name when something else changes', () => {
    expect(name(serverObjects({ replicas: 2, image: 'mlflow:v3.16.0' }))).toBe(name(serverObjects()));
  });

  test('runs on the nodes of the platform’s pods', () => {
    const pods = {
      tolerations: [{ key: 'mlflow', operator: 'Exists' }],
      nodeSelector: { pool: 'ml' },
      imagePullSecrets: ['registry'],
    };
    const { spec } = jobOf(platform({ pods }), 'mlflow-credentials').spec.template;
    expect(spec).toMatchObject({ ...pods, imagePullSecrets: [{ name: 'registry' }] });
  });

  test('runs on the nodes of a component without a platform', () => {
    const { spec } = jobOf(serverObjects({ nodeSelector: { pool: 'ml' }, imagePullSecrets: ['registry'] })).spec
      .template;
    expect(spec).toMatchObject({ nodeSelector: { pool: 'ml' }, imagePullSecrets: [{ name: 'registry' }] });
  });

  test('is not retried if its plan is wrong', () => {
    const { podFailurePolicy, template } = jobOf(serverObjects()).spec;
    expect(podFailurePolicy.rules).toEqual([
      { action: 'FailJob', onExitCodes: { containerName: 'credentials', operator: 'In', values: [2] } },
    ]);
    expect(template.spec.restartPolicy).toBe('Never');
  });

  // A deadline would include the time that a pod waits for a node or an image, and a failed Job is not retried.
  test('has no deadline', () => {
    expect(jobOf(serverObjects()).spec).not.toHaveProperty('activeDeadlineSeconds');
  });

  test('has the revision of its ConfigMap, which changes with the plan', () => {
    const [one, other] = [
      platform(),
      synth((chart) => new MlflowPlatform(chart, 'mlflow').server.addServiceUser('trainer')),
    ];
    const revisionOf = (objects: Rendered[]) => find(objects, 'ConfigMap', 'mlflow-credentials').data.revision;
    for (const objects of [one, other]) {
      const [job] = objects.filter(({ kind, metadata }) => kind === 'Job' && /^mlflow-credentials/.test(metadata.name));
      const env = environmentOf(job.spec.template.spec.containers[0]);
      expect(env.MOUNTED_REVISION).toBe(revisionOf(objects));
    }
    expect(revisionOf(other)).not.toBe(revisionOf(one));
  });

  test('runs the program of its ConfigMap, which is far below the limit of 1 MiB', () => {
    const objects = serverObjects();
    const [container] = jobOf(objects).spec.template.spec.containers;
    const { data } = find(objects, 'ConfigMap', 'server-credentials');
    expect(container.command).toEqual(['node', '/opt/cdk8s-mlflow/credentials.js']);
    expect(Object.keys(data).sort()).toEqual(['credentials.js', 'credentials.json', 'revision']);
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(256 * 1024);
  });
});

test('two platforms of one app have one credentials Job each', () => {
  const app = new App();
  const charts = ['one', 'two'].map((namespace) => {
    const chart = new Chart(app, namespace, { namespace });
    new MlflowPlatform(chart, 'mlflow');
    return chart;
  });
  for (const chart of charts) {
    const objects = render(chart);
    expect(jobsOf(objects)).toHaveLength(1);
    expect(find(objects, 'RoleBinding', 'mlflow-credentials').subjects[0].namespace).toBe(chart.namespace);
  }
});
