import { contentHash, programs } from '../../lib/component/program';
import { minio, postgres } from '../support/components';
import { find } from '../support/synth';

test.each([
  ['mlflow-postgres-set-up', 'setup-database.sh', () => postgres()],
  ['mlflow-minio-set-up', 'setup-bucket.sh', () => minio()],
])('the pod of %s does not start with the previous content of its ConfigMap', (name, script, rendered) => {
  const { job, objects } = rendered();
  const { configMap } = job.spec.template.spec.volumes.find((volume: { name: string }) => volume.name === 'program');
  const { data } = find(objects, 'ConfigMap', name);
  const revision = `revision-${contentHash(programs(script))}`;
  // If the ConfigMap lacks an item of the volume, the kubelet does not mount the volume, and tries again.
  expect(configMap).toEqual({
    name,
    items: [
      { key: script, path: script },
      { key: revision, path: revision },
    ],
  });
  expect(Object.keys(data).sort()).toEqual([revision, script]);
});
