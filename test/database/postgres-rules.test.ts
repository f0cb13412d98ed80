import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Credentials, PostgresStatefulSetProps } from '../../lib';
import { postgres } from '../support/components';
import { errorOf } from '../support/synth';

const refused: [string, PostgresStatefulSetProps, string][] = [
  ['an empty image', { image: '' }, "image is ''; expected a tag"],
  ['an image without a tag', { image: 'postgres' }, "image is 'postgres'; expected a tag"],
  ['an image that moves', { image: 'postgres:latest' }, "image is 'postgres:latest'; expected a tag"],
  ['storage of zero', { storage: Size.gibibytes(0) }, 'storage is 0Gi; expected more than zero'],
  [
    'a request above the limit',
    { resources: { cpu: { request: Cpu.units(3) } } },
    'resources.cpu requests 3 with a limit of 2; expected amounts above zero, and a request that is not above the limit',
  ],
  [
    'a memory limit below the default request',
    { resources: { memory: { limit: Size.mebibytes(512) } } },
    'resources.memory requests 1Gi with a limit of 512Mi; expected amounts above zero',
  ],
  [
    'a fraction of a connection',
    { maxConnections: 99.5 },
    'maxConnections is 99.5; expected a whole number of at least 1',
  ],
  ['no connections', { maxConnections: 0 }, 'maxConnections is 0; expected a whole number of at least 1'],
  ['fewer than no connections', { maxConnections: -5 }, 'maxConnections is -5; expected a whole number of at least 1'],
  ['a database without a name', { databaseName: '' }, "the database's name is ''; expected lower-case letters"],
  ['a name with a space, of which the set-up would make two', { databaseName: 'a b' }, "the database's name is 'a b'"],
  ['a name in upper case', { databaseName: 'MLflow' }, "the database's name is 'MLflow'"],
  ['a name with a digit first', { databaseName: '1st' }, "the database's name is '1st'"],
  ['a name of 64 letters', { databaseName: 'a'.repeat(64) }, `the database's name is '${'a'.repeat(64)}'`],
  [
    'a key that no Secret can have',
    { credentials: Credentials.fromSecret('db', { passwordKey: 'a/b' }) },
    "the passwordKey of credentials is 'a/b'; expected the name of a key of the Secret",
  ],
  [
    "a Secret's name",
    { superuser: Credentials.fromSecret('My_Secret') },
    "the name of the Secret of superuser is 'My_Secret'; expected",
  ],
  ['a certificate without a name', { tlsSecretName: 'My_Secret' }, "tlsSecretName is 'My_Secret'; expected"],
];

test.each(refused)('refuses %s', (_, props, message) => {
  expect(errorOf(() => postgres(props))).toContain(`chart/mlflow-postgres: ${message}`);
});

test('refuses a database that PostgreSQL itself owns', () => {
  for (const databaseName of ['postgres', 'template0', 'template1']) {
    expect(errorOf(() => postgres({ databaseName }))).toContain(`the database's name is '${databaseName}'`);
  }
});

test('checks the name of a database that is added later', () => {
  expect(errorOf(() => postgres({}, (database) => database.addDatabase('x; y')))).toContain(
    "chart/mlflow-postgres: the database's name is 'x; y'; expected lower-case letters",
  );
});

test('names all broken rules at once', () => {
  const message = errorOf(() => postgres({ image: 'postgres', storage: Size.gibibytes(0), databaseName: '' }));
  expect(message.split('\n')).toHaveLength(3);
});

test('accepts valid names', () => {
  for (const databaseName of ['mlflow', '_mlflow_2', 'a'.repeat(63)]) postgres({ databaseName });
  postgres({ superuser: Credentials.fromSecret('my.secret-1') });
});
