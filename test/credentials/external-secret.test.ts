import { Duration } from 'cdk8s';
import { Database, ExternalSecret, ExternalSecretProps, SecretStoreKind, TrackingServer } from '../../lib';
import { schema } from '../output/checks/schema';
import { errorOf, find, snapshotOf, synth } from '../support/synth';
import { existingBucket } from '../tracking/servers';

const least: ExternalSecretProps = {
  store: 'vault',
  remoteKey: 'prod/mlflow/database',
  keys: { username: 'user', password: 'password' },
};
const all: Required<ExternalSecretProps> = {
  ...least,
  storeKind: SecretStoreKind.SECRET_STORE,
  refreshInterval: Duration.minutes(15),
};
const objects = (props: ExternalSecretProps) => synth((chart) => new ExternalSecret(chart, 'database-login', props));

test('an ExternalSecret with only what it must have', () => {
  expect(snapshotOf(objects(least))).toMatchSnapshot();
});

test('an ExternalSecret with every prop', () => {
  expect(snapshotOf(objects(all))).toMatchSnapshot();
});

test.each([least, all])('has the fields of the operator’s schema: %#', (props) => {
  expect(schema(objects(props))).toEqual([]);
});

test('is the credentials of a component, with its keys', () => {
  const made = synth((chart) => {
    const login = new ExternalSecret(chart, 'database-login', least);
    expect(login.secretName).toBe('database-login');
    const database = Database.fromExisting({ host: 'db.example.com', credentials: login.credentials });
    new TrackingServer(chart, 'server', { database, artifacts: existingBucket() });
  });
  const { data } = find(made, 'ExternalSecret', 'database-login').spec;
  const volumes = JSON.stringify(find(made, 'Deployment', 'server').spec.template.spec.volumes);
  expect(volumes).toContain('"name":"database-login"');
  for (const { secretKey } of data) expect(volumes).toContain(`"key":"${secretKey}"`);
});

test('has no value of a secret, and is no Secret', () => {
  expect(objects(all).map(({ kind }) => kind)).toEqual(['ExternalSecret']);
});

describe('refuses', () => {
  test.each<[string, string, Partial<ExternalSecretProps>]>([
    ["store is 'My Vault'", "e.g. 'vault'", { store: 'My Vault' }],
    ["remoteKey is ''", "e.g. 'prod/mlflow/database'", { remoteKey: '' }],
    ['keys is {}', 'expected at least one key', { keys: {} }],
    ["a key of keys is 'a b'", "e.g. 'password'", { keys: { 'a b': 'x' } }],
    ["keys.password is ' '", 'the name of a property', { keys: { password: ' ' } }],
    ['refreshInterval is 0.5 seconds', 'expected whole seconds', { refreshInterval: Duration.millis(500) }],
  ])('%s', (given, want, wrong) => {
    const message = errorOf(() => objects({ ...least, ...wrong }));
    expect(message).toContain(`chart/database-login: ${given}; `);
    expect(message).toContain(want);
  });
});
