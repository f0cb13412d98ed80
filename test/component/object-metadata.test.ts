import { App, Chart } from 'cdk8s';
import {
  Backup,
  BackupTarget,
  DeployerPolicy,
  MlflowPlatform,
  MlflowPlatformProps,
  RegisteredModel,
  RestrictedNamespace,
  RestrictedNamespaceProps,
} from '../../lib';
import { Rendered, errorOf, find, findByPrefix, render, synth } from '../support/synth';
import { serverObjects } from '../tracking/servers';

const labels = { 'cost-center': '4711' };
const annotations = { 'example.com/contact': 'ml@example.com' };

/** Every kind of object of a platform, its serving in a second chart, and its policy in a third. */
function everything(props: MlflowPlatformProps): Rendered[] {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
  const mlflow = new MlflowPlatform(chart, 'mlflow', {
    backup: { schedule: '@daily', target: BackupTarget.claim({ claimName: 'backups' }) },
    garbageCollection: { schedule: '@weekly' },
    ...props,
  });
  mlflow.addModelServing('churn', { chart: serving, model: RegisteredModel.byAlias('churn', 'champion') });
  const policy = new Chart(app, 'policy');
  new DeployerPolicy(policy, 'mlflow-policy', { deployer: mlflow.deployer });
  return [chart, serving, policy].flatMap(render);
}

const titles = (objects: Rendered[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const plain = everything({});
const marked = everything({ labels, annotations });

describe('labels and annotations of a platform', () => {
  test('are those of every object, those of its servings and CronJobs included', () => {
    const lacks = marked.filter(
      ({ metadata }) =>
        metadata.labels['cost-center'] !== '4711' || metadata.annotations['example.com/contact'] !== 'ml@example.com',
    );
    expect(titles(lacks)).toEqual([]);
    expect(marked.length).toBeGreaterThan(60);
  });

  test('are those of the Jobs of a CronJob', () => {
    const { metadata } = find(marked, 'CronJob', 'mlflow-backup').spec.jobTemplate;
    expect(metadata.labels).toMatchObject(labels);
    expect(metadata.annotations).toMatchObject(annotations);
  });

  test('change no selector, no pod and no name, so that nothing restarts', () => {
    const without = (objects: Rendered[]) =>
      objects.map(({ metadata, spec, ...rest }) => {
        const { metadata: _, ...job } = spec?.jobTemplate ?? {};
        return {
          ...rest,
          name: metadata.name,
          spec: spec && { ...spec, ...(spec.jobTemplate && { jobTemplate: job }) },
        };
      });
    expect(without(marked)).toEqual(without(plain));
  });

  test('leave the library’s own as they are', () => {
    for (const [index, { metadata }] of marked.entries()) {
      expect(metadata.labels).toMatchObject(plain[index].metadata.labels);
      expect(metadata.annotations).toMatchObject(plain[index].metadata.annotations ?? {});
    }
  });

  test('of a component are in addition to those of the platform, for it and its Jobs only', () => {
    const objects = everything({ labels, server: { labels: { team: 'ml' } } });
    expect(find(objects, 'Deployment', 'mlflow-server').metadata.labels).toMatchObject({ ...labels, team: 'ml' });
    expect(findByPrefix(objects, 'Job', 'mlflow-server-migration').metadata.labels.team).toBe('ml');
    expect(find(objects, 'StatefulSet', 'mlflow-postgres').metadata.labels).not.toHaveProperty('team');
  });
});

test('a backup beside a standalone server has the labels of the server', () => {
  const objects = serverObjects({ labels }, (server) => {
    const target = BackupTarget.claim({ claimName: 'backups' });
    new Backup(Chart.of(server), 'nightly', { server, schedule: '@daily', target });
  });
  expect(find(objects, 'CronJob', 'nightly').metadata.labels).toMatchObject(labels);
});

describe('labels and annotations of the pods of Jobs', () => {
  const pods = {
    podLabels: { 'sidecar.istio.io/inject': 'true' },
    jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
    jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
  };
  const templates = everything({ pods })
    .map(({ kind, spec }) => ({ kind, template: kind === 'CronJob' ? spec.jobTemplate.spec.template : spec?.template }))
    .filter(({ template }) => template?.spec?.containers);

  test.each(templates.map(({ kind, template }) => [kind, template] as const))(
    'are in a %s or not',
    (kind, template) => {
      const isJob = ['Job', 'CronJob'].includes(kind);
      expect(template.metadata.labels['sidecar.istio.io/inject']).toBe(String(!isJob));
      expect(template.metadata.annotations?.['cluster-autoscaler.kubernetes.io/safe-to-evict']).toBe(
        isJob ? 'false' : undefined,
      );
    },
  );
});

test.each<[MlflowPlatformProps, string]>([
  [{ labels: { 'app.kubernetes.io/instance': 'a' } }, "labels has 'app.kubernetes.io/instance'; expected a key that"],
  [{ labels: { app: 'a' } }, "labels has 'app'"],
  [{ labels: { 'a b': 'c' } }, "labels has the key 'a b'"],
  [{ labels: { a: 'b c' } }, "labels has the value 'b c' of 'a'"],
  [{ annotations: { 'cdk8s-mlflow/deployer': 'a' } }, "annotations has 'cdk8s-mlflow/deployer'; expected a key that"],
  [{ pods: { labels: { app: 'a' } } }, "labels has 'app'"],
  [{ pods: { jobPodLabels: { 'a b': 'c' } } }, "jobPodLabels has the key 'a b'"],
  [{ pods: { jobPodAnnotations: { 'a b': 'c' } } }, "jobPodAnnotations has the key 'a b'"],
])('refuses %j', (props, message) => {
  expect(errorOf(() => synth((chart) => new MlflowPlatform(chart, 'mlflow', props)))).toContain(
    `chart/mlflow: ${message}`,
  );
});

describe('labels and annotations of a namespace', () => {
  const namespace = (props: RestrictedNamespaceProps) =>
    synth((chart) => new RestrictedNamespace(chart, 'namespace', props));

  test('are in addition to those of Pod Security', () => {
    const [{ metadata }] = namespace({ labels: { 'istio-injection': 'disabled' }, annotations });
    expect(metadata.labels).toMatchObject({
      'istio-injection': 'disabled',
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    expect(metadata.annotations).toMatchObject({ ...annotations, 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
  });

  test.each<[RestrictedNamespaceProps, string]>([
    [
      { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      "labels has 'pod-security.kubernetes.io/enforce'",
    ],
    [{ annotations: { 'argocd.argoproj.io/sync-options': 'Prune=true' } }, "has 'argocd.argoproj.io/sync-options'"],
  ])('may not be %j', (props, message) => {
    expect(errorOf(() => namespace(props))).toContain(message);
  });
});
