import { Construct } from 'constructs';
import { Exposure, MlflowPlatform, MlflowPlatformProps } from '../lib';
import { Rendered, ofKind, synth } from './support/synth';

const platform = (props: MlflowPlatformProps = {}) => synth((chart) => new MlflowPlatform(chart, 'mlflow', props));

/**
 * Names and selectors are a contract: data, claims, bookmarks and other people's policies depend on them. The table gives
 * the component of each selector; its name and instance are always the same.
 */
test('every object of a platform has this kind, name and selector', () => {
  const selects = (object: Rendered) => {
    const { spec = {} } = object;
    const selector = spec.podSelector?.matchLabels ?? spec.selector?.matchLabels ?? spec.selector;
    if (!selector) return '';
    const { 'app.kubernetes.io/component': component, ...others } = selector;
    expect(others).toEqual({ 'app.kubernetes.io/name': 'mlflow', 'app.kubernetes.io/instance': 'mlflow' });
    return ` → ${component}`;
  };
  const objects = platform({ exposure: Exposure.ingress({ host: 'mlflow.example.com' }) });
  const rows = objects.map((object) => `${object.kind} ${object.metadata.name}${selects(object)}`);
  expect(rows.map((row) => row.replace(/-[0-9a-f]{8}$/, '-<hash>')).sort()).toEqual([
    'ConfigMap mlflow-credentials',
    'ConfigMap mlflow-minio-set-up',
    'ConfigMap mlflow-postgres',
    'ConfigMap mlflow-postgres-set-up',
    'ConfigMap mlflow-server-migration',
    'ConfigMap mlflow-server-programs',
    'ConfigMap mlflow-server-proxy',
    'Deployment mlflow-server → server',
    'HorizontalPodAutoscaler mlflow-server-hpa',
    'Ingress mlflow-ingress',
    'Job mlflow-credentials-<hash>',
    'Job mlflow-minio-set-up-<hash>',
    'Job mlflow-postgres-set-up-<hash>',
    'Job mlflow-server-migration-<hash>',
    'NetworkPolicy mlflow-credentials → credentials',
    'NetworkPolicy mlflow-minio → minio',
    'NetworkPolicy mlflow-minio-set-up → minio-set-up',
    'NetworkPolicy mlflow-postgres → postgres',
    'NetworkPolicy mlflow-postgres-set-up → postgres-set-up',
    'NetworkPolicy mlflow-server → server',
    'NetworkPolicy mlflow-server-migration → migration',
    'PodDisruptionBudget mlflow-server → server',
    'Role mlflow-credentials',
    'RoleBinding mlflow-credentials',
    'Service mlflow-minio → minio',
    'Service mlflow-postgres → postgres',
    'Service mlflow-server → server',
    'Service mlflow-server-metrics → server',
    'ServiceAccount mlflow-credentials',
    'ServiceAccount mlflow-minio',
    'ServiceAccount mlflow-minio-set-up',
    'ServiceAccount mlflow-postgres',
    'ServiceAccount mlflow-postgres-set-up',
    'ServiceAccount mlflow-server',
    'ServiceAccount mlflow-server-migration',
    'StatefulSet mlflow-minio → minio',
    'StatefulSet mlflow-postgres → postgres',
  ]);
});

test('an HTTPRoute has the name of the Ingress', () => {
  const objects = platform({ exposure: Exposure.httpRoute({ host: 'mlflow.example.com', gateway: 'public' }) });
  expect(ofKind(objects, 'HTTPRoute').map(({ metadata }) => metadata.name)).toEqual(['mlflow-route']);
});

test("the claims have the names of the seed's", () => {
  const claims = ofKind(platform(), 'StatefulSet').map(({ metadata, spec }) => [
    metadata.name,
    spec.volumeClaimTemplates.map((claim: Rendered) => [claim.metadata.name, claim.spec.resources.requests.storage]),
  ]);
  expect(claims).toEqual([
    ['mlflow-postgres', [['postgres-data', '50Gi']]],
    ['mlflow-minio', [['minio-data', '100Gi']]],
  ]);
});

test('names and selectors do not depend on the path of the platform', () => {
  const nested = synth((chart) => new MlflowPlatform(new Construct(chart, 'deeper'), 'mlflow'));
  expect(nested).toEqual(platform());
});

test('two platforms of one namespace share no object and no selector', () => {
  const objects = synth((chart) => ['mlflow-1', 'mlflow-2'].forEach((id) => new MlflowPlatform(chart, id)));
  const of = (id: string) => objects.filter(({ metadata }) => metadata.name.startsWith(`${id}-`));
  expect([...of('mlflow-1'), ...of('mlflow-2')]).toHaveLength(objects.length);
  // Names, labels, selectors and Secrets of both platforms differ only in the name of the platform.
  const renamed = JSON.stringify(withoutHashes(of('mlflow-1'))).replaceAll('mlflow-1', 'mlflow-2');
  expect(JSON.parse(renamed)).toEqual(withoutHashes(of('mlflow-2')));
});

/** Removes hashes, because they depend on names and contents. */
function withoutHashes(objects: Rendered[]): Rendered[] {
  return JSON.parse(
    JSON.stringify(objects)
      .replace(/-[0-9a-f]{8}"/g, '-<hash>"')
      .replace(/"[0-9a-f]{16}"/g, '"<hash>"'),
  );
}
