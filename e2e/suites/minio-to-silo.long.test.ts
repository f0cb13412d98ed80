// Silo opens a volume that MinIO wrote, with its whole content, and MinIO opens it again: docs/how-to/from-minio-to-silo.md.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Size } from 'cdk8s';
import { Images, MinioStore } from '../../lib';
import { parseManifests } from '../../test/output/manifests';
import { asRootOfStore, MINIO } from '../lib/mc';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';

const namespace = new Namespace('mlflow-e2e-minio-to-silo');
const ROOT_PASSWORD = randomBytes(16).toString('hex');

const store = (image: string) =>
  new Platform(
    namespace,
    'store',
    (chart) => {
      new MinioStore(chart, 'mlflow-minio', { image, versioning: true, storage: Size.gibibytes(1), resources: little });
    },
    { shared: true },
  );

/** Applies the store with this image, and waits for its pod and its Jobs. */
function run(image: string): void {
  const { manifest } = store(image).synth();
  namespace.kubectl('apply', '--filename', manifest);
  namespace.kubectl('rollout', 'status', 'statefulset/mlflow-minio', '--timeout=200s');
  const jobs = parseManifests(readFileSync(manifest, 'utf8')).filter(({ kind }) => kind === 'Job');
  for (const { metadata } of jobs) {
    namespace.kubectl('wait', '--for=condition=complete', `job/${metadata.name}`, '--timeout=200s');
  }
  const [pod] = namespace.json('get', 'pods', '--selector', 'app=mlflow-minio').items;
  expect(pod.spec.containers[0].image).toBe(image);
}

const asRoot = (script: string) => asRootOfStore(namespace, script);

interface Contents {
  /** Every version of every object, with its hash, delete markers included. */
  readonly versions: string[];
  readonly users: string[];
  readonly policy: object;
  readonly versioning: string;
  readonly anonymous: string;
}

/** The server lists the actions of a policy in any order. */
const sorted = (_: string, value: unknown) => (Array.isArray(value) ? [...value].sort() : value);

function contents(): Contents {
  const lines = (text: string) => text.trim().split('\n').filter(Boolean);
  const all = lines(asRoot('mc ls --recursive --versions --json store/mlflow')).map((line) => JSON.parse(line));
  const versions = all.map(({ key, versionId, isDeleteMarker, size, lastModified }) => {
    const read = `mc cat --version-id ${versionId} 'store/mlflow/${key}' | sha256sum`;
    const hash = isDeleteMarker ? 'deleted' : asRoot(read).trim();
    return [key, versionId, size, lastModified, hash].join(' ');
  });
  return {
    versions: versions.sort(),
    users: lines(asRoot('mc admin user list store --json')).sort(),
    policy: JSON.parse(asRoot('mc admin policy info store mlflow-mlflow'), sorted).Policy,
    versioning: asRoot('mc version info store/mlflow').trim(),
    anonymous: asRoot('mc anonymous get store/mlflow').trim(),
  };
}

/** Asserts that MLflow's own key reads and writes the bucket, and nothing else. */
function keyWorks(name: string): void {
  const [id, secret] = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].map((key) =>
    namespace.secret('mlflow-minio-s3-secret', key),
  );
  const script = `export MC_CONFIG_DIR=/tmp/key
    mc alias set key http://localhost:9000 >&2
    echo ${name} | mc pipe key/mlflow/artifacts/by-key-${name} >&2
    mc cat key/mlflow/artifacts/by-key-${name}
    if mc cat key/mlflow/backups/dump >&2; then echo 'reads a dump'; fi
    if mc mb key/other-${name} >&2; then echo 'makes a bucket'; fi`;
  const { status, stdout, stderr } = namespace.try(['exec', '-i', 'mlflow-minio-0', '--', 'sh', '-ec', script], {
    input: `${id}\n${secret}\n`,
  });
  expect([status, stdout, stderr]).toEqual([0, `${name}\n`, expect.anything()]);
}

let before: Contents;

beforeAll(() => {
  namespace.remove();
  namespace.kubectl('create', 'namespace', namespace.name);
  // With the name of the root user that the first versions of the library set.
  namespace.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'mlflow-minio-secret' },
    stringData: { MINIO_ROOT_USER: 'minio-admin', MINIO_ROOT_PASSWORD: ROOT_PASSWORD },
  });
  run(MINIO);
  asRoot(`for i in 1 2 3; do echo "version $i" | mc pipe store/mlflow/artifacts/changed >&2; done
    echo gone | mc pipe store/mlflow/artifacts/deleted >&2; mc rm store/mlflow/artifacts/deleted >&2
    head -c 20000000 /dev/urandom | mc pipe store/mlflow/artifacts/large >&2
    echo umlaut | mc pipe 'store/mlflow/artifacts/ü and blank' >&2
    echo dump | mc pipe store/mlflow/backups/dump >&2
    printf '%s\\n%s\\n' colleague ${randomBytes(16).toString('hex')} | mc admin user add store >&2
    mc admin policy attach store readonly --user colleague >&2`);
  keyWorks('minio');
  before = contents();
});

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

test('MinIO has versions, a delete marker, a file of several parts, and two users before the change', () => {
  expect(before.versions).toHaveLength(9);
  expect(before.versions.filter((each) => each.endsWith(' deleted'))).toHaveLength(1);
  expect(before.users.map((each) => JSON.parse(each).policyName)).toEqual(
    expect.arrayContaining(['mlflow-mlflow', 'readonly']),
  );
  expect(before.versioning).toContain('versioning is enabled');
});

test('Silo shows the same objects, versions, users, policies and root user', () => {
  run(Images.SILO);
  expect(contents()).toEqual(before);
  expect(namespace.secret('mlflow-minio-secret', 'MINIO_ROOT_USER')).toBe('minio-admin');
  expect(namespace.secret('mlflow-minio-secret', 'MINIO_ROOT_PASSWORD')).toBe(ROOT_PASSWORD);
  keyWorks('silo');
});

test('MinIO opens the volume again, with the objects that Silo wrote', () => {
  const written = contents();
  expect(written.versions).toHaveLength(before.versions.length + 1);
  run(MINIO);
  expect(contents()).toEqual(written);
  keyWorks('minio-again');
});
