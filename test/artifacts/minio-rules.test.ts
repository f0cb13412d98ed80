import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Credentials, MinioStoreProps } from '../../lib';
import { client, minio } from '../support/components';
import { errorOf } from '../support/synth';

const refused: [string, MinioStoreProps, string][] = [
  ['an empty image', { image: '' }, "image is ''; expected a tag"],
  ['an image that moves', { image: 'minio/minio:latest' }, "image is 'minio/minio:latest'; expected a tag"],
  ['storage of zero', { storage: Size.gibibytes(0) }, 'storage is 0Gi; expected more than zero'],
  [
    'a request above the limit',
    { resources: { cpu: { request: Cpu.millis(2500) } } },
    'resources.cpu requests 2500m with a limit of 2; expected amounts above zero, and a request that is not above the limit',
  ],
  [
    'a bucket outside of the rules',
    { bucket: 'My_Models' },
    "bucket is 'My_Models'; expected 3 to 63 lower-case letters",
  ],
  [
    "a Secret's name",
    { credentials: Credentials.fromSecret('My_Secret') },
    "the name of the Secret of credentials is 'My_Secret'; expected",
  ],
];

test.each(refused)('refuses %s', (_, props, message) => {
  expect(errorOf(() => minio(props))).toContain(`chart/mlflow-minio: ${message}`);
});

test('refuses a client with labels that no pod can have', () => {
  const jobs = { ...client(5), podLabels: { app: 'a b' } };
  expect(errorOf(() => minio({}, (store) => store.connectFrom(jobs)))).toContain(
    "chart/mlflow-minio: client.podLabels has the value 'a b' of 'app'; expected",
  );
});

describe('topology', () => {
  test.each([
    [0, 'expected a whole number of at least 1'],
    [-4, 'expected a whole number of at least 1'],
    [4.5, 'expected a whole number of at least 1'],
    [NaN, 'expected a whole number of at least 1'],
    [2, 'expected 1, or at least 4: with fewer MinIO cannot lose a drive and continue to write'],
    [3, 'expected 1, or at least 4'],
    [17, 'expected a number that a set of'],
    [19, 'expected a number that a set of'],
    [37, 'expected a number that a set of'],
    // 34 is 2 × 17: only sets of two drives are possible, and such a set cannot lose a drive.
    [34, 'expected a number that a set of'],
  ])('refuses %d pods', (replicas, want) => {
    expect(errorOf(() => minio({ replicas }))).toContain(`chart/mlflow-minio: replicas is ${replicas}; ${want}`);
  });

  test.each([1, 4, 5, 6, 7, 8, 12, 15, 16, 18, 20, 32, 64])('accepts %d pods', (replicas) => {
    expect(minio({ replicas }).statefulSet.spec.replicas).toBe(replicas);
  });
});
