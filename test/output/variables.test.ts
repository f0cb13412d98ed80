// A program of the container reads every variable that is set. test/native/variables.test.ts checks the packages.
import { containersOf, podsOf } from '../../docs/generate/manifests';
import { secretFiles } from '../../docs/generate/pods';
import { READERS, readersOf } from '../../docs/generate/variables';
import { ArtifactStore, Credentials, Images, MlflowPlatform } from '../../lib';
import { outputs as platformOutputs } from '../support/outputs';
import { Rendered, synth } from '../support/synth';

const artifacts = ArtifactStore.fromBucket({
  bucket: 'models',
  endpoint: 'https://s3.example.com',
  region: 'eu-west-1',
  credentials: Credentials.fromSecret('s3-key'),
});
const outputs: [string, Rendered[]][] = [
  ...platformOutputs,
  ['external, with an endpoint', synth((chart) => new MlflowPlatform(chart, 'mlflow', { artifacts }))],
];

interface Variable {
  readonly at: string;
  readonly image: string;
  readonly name: string;
}

/** Variables of containers, and files of Secrets that replace variables. */
function variablesOf(objects: Rendered[]): Variable[] {
  return podsOf(objects).flatMap((pod) =>
    containersOf(pod).flatMap(({ name: container, container: { image, env = [], ...rest } }) =>
      [
        ...env.map(({ name }: Rendered) => name),
        ...secretFiles(pod, rest).filter((file) => /^[A-Z_]+$/.test(file)),
      ].map((name: string) => ({ at: `${pod.owner}, container ${container}`, image, name })),
    ),
  );
}

function readByNobody(objects: Rendered[]): string[] {
  return variablesOf(objects)
    .filter(({ image, name }) => readersOf(image, name).length === 0)
    .map(({ at, name }) => `${at}: no program that docs/generate/variables.ts knows reads ${name}`);
}

test.each(outputs)('every variable of the %s platform is read by a program of its image', (_name, objects) => {
  expect(variablesOf(objects).length).toBeGreaterThan(20);
  expect(readByNobody(objects)).toEqual([]);
});

test('the check finds a variable that only another program would read', () => {
  const objects = structuredClone(outputs[0][1]);
  const server = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'mlflow-server');
  const { initContainers, containers } = server.spec.template.spec;
  const { env } = [...initContainers, ...containers].find(({ name }: Rendered) => name === 'mlflow');
  env.push({ name: 'AWS_S3_ADDRESSING_STYLE', value: 'path' }, { name: 'MINIO_UPDATE', value: 'off' });
  expect(readByNobody(objects)).toEqual([
    expect.stringMatching(/Deployment `mlflow-server`, container mlflow: no program .* reads AWS_S3_ADDRESSING_STYLE/),
    expect.stringContaining('reads MINIO_UPDATE'),
  ]);
});

test('a program of runtime/ is no reader if only its comments have the variable', () => {
  expect(readersOf(Images.SILO, 'VERSIONING')).toEqual(['runtime/minio/setup-bucket.sh']);
  expect(readersOf(Images.POSTGRES, 'DUMP_KIBIBYTES')).toEqual([
    'runtime/postgres/dump-databases.sh',
    'runtime/postgres/run-postgres.sh',
  ]);
  expect(readersOf(Images.POSTGRES, 'VERSIONING')).toEqual([]);
});

test('the table has no variable that nothing sets', () => {
  const set = new Set(outputs.flatMap(([, objects]) => variablesOf(objects).map(({ name }) => name)));
  const named = READERS.flatMap(({ variables }) => variables);
  expect(named.filter((name) => !set.has(name))).toEqual([]);
});
