import { readFileSync } from 'fs';
import { join } from 'path';
import { CONSOLE, EXAMPLES, objectOf, runExample } from './example';
import { findings } from '../output/findings';
import { Manifest, parseManifests } from '../output/manifests';
import { filesOf } from '../support/run';

const folder = join(EXAMPLES, 'gitops');
const example = runExample('gitops');
const read = (file: string) => parseManifests(readFileSync(join(folder, file), 'utf8'));
const applications = read('argo-cd/applications.yaml');
const [repository, ...kustomizations] = read('flux/kustomizations.yaml');
const jobs = example.objects.filter(({ kind }) => kind === 'Job');

test('dist/ is equal to what main.ts writes (npm run synth:gitops)', () => {
  expect(filesOf(join(folder, 'dist'))).toEqual(example.files);
});

test('the output has only the accepted findings', () => {
  expect(findings(example.objects)).toEqual([CONSOLE]);
});

describe('the files beside dist/', () => {
  const folders = ['mlflow', 'ml-serving'].map((name) => `examples/gitops/dist/${name}`);

  test('apply each folder of dist/ once, with Argo CD and with Flux', () => {
    const paths = (objects: Manifest[], path: (object: Manifest) => string) => objects.map(path);
    expect(paths(applications, ({ spec }) => spec.source.path)).toEqual(folders);
    expect(paths(kustomizations, ({ spec }) => spec.path)).toEqual(folders.map((each) => `./${each}`));
    const written = Object.keys(example.files).map((file) => `examples/gitops/dist/${file.split('/')[0]}`);
    expect([...new Set(written)].sort()).toEqual([...folders].sort());
  });

  test('apply into the namespaces of the files', () => {
    for (const { spec } of applications) {
      const files = Object.entries(example.files).filter(([file]) =>
        spec.source.path.endsWith(`/${file.split('/')[0]}`),
      );
      for (const { kind, metadata } of files.flatMap(([, text]) => parseManifests(text))) {
        expect(kind === 'Namespace' ? metadata.name : metadata.namespace).toBe(spec.destination.namespace);
      }
    }
  });

  test('contain no dependency on the platform, whose credentials Job waits for the namespace of the serving', () => {
    const plan = JSON.parse(objectOf(example, 'ConfigMap', 'mlflow-credentials').data['credentials.json']);
    const copies = plan.logins.flatMap(({ users }: any) => Object.values(users).flat());
    expect(copies.map((copy: string) => copy.split('/')[0])).toEqual(['ml-serving']);
    expect(kustomizations.map(({ spec }) => [spec.wait, spec.dependsOn])).toEqual([
      [true, undefined],
      [false, undefined],
    ]);
    expect(Object.values(example.files).join()).not.toMatch(/sync-wave|argocd.argoproj.io\/hook/);
  });

  test('name one Git repository', () => {
    expect(new Set(applications.map(({ spec }) => spec.source.repoURL))).toEqual(new Set([repository.spec.url]));
    for (const { spec } of kustomizations) expect(spec.sourceRef.name).toBe(repository.metadata.name);
  });

  test('have no Application with the name of the platform’s instance label', () => {
    const instances = new Set(
      example.objects.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance']).filter(Boolean),
    );
    expect(instances.size).toBeGreaterThan(0);
    for (const { metadata } of applications) expect(instances).not.toContain(metadata.name);
  });
});

describe('a GitOps controller', () => {
  test('does not prune namespaces and the migration', () => {
    for (const object of example.objects) {
      const annotations = object.metadata.annotations ?? {};
      const kept = annotations['kustomize.toolkit.fluxcd.io/prune'] === 'disabled';
      expect(kept).toBe(/^(Namespace|Job mlflow-server-migration)/.test(`${object.kind} ${object.metadata.name}`));
      expect(/Prune=false/.test(annotations['argocd.argoproj.io/sync-options'] ?? '')).toBe(kept);
    }
  });

  test('keeps finished Jobs, which it would otherwise create again at each reconciliation', () => {
    expect(jobs.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]{8}$/, '-<hash>')).sort()).toEqual([
      'mlflow-credentials-<hash>',
      'mlflow-minio-set-up-<hash>',
      'mlflow-postgres-set-up-<hash>',
      'mlflow-server-migration-<hash>',
    ]);
    for (const { spec } of jobs) expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });

  test('does not manage the served version or the number of pods', () => {
    const { spec, metadata } = objectOf(example, 'Deployment', 'churn-prediction-model-serving');
    const { initContainers, containers } = spec.template.spec;
    const variables = [...initContainers, ...containers].flatMap(({ env }: any) => env.map(({ name }: any) => name));
    expect(variables).toContain('MODEL_NAME');
    expect(variables).not.toContain('MODEL_VERSION');
    expect(metadata.labels).not.toHaveProperty('model-version');
    expect(spec).not.toHaveProperty('replicas');
  });

  test('does not manage a Lease, which Argo CD would ignore; the deployer creates it', () => {
    expect(example.objects.filter(({ kind }) => kind === 'Lease')).toEqual([]);
    const { rules } = objectOf(example, 'Role', 'mlflow-deployer');
    expect(rules.flatMap(({ resources, verbs }: any) => verbs.map((verb: string) => `${verb} ${resources}`))).toEqual([
      'get leases',
      'update leases',
      'create leases',
    ]);
  });
});
