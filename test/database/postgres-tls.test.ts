import { PostgresStatefulSet } from '../../lib';
import { client, environmentOf, postgres } from '../support/components';
import { synth } from '../support/synth';

function connection(tlsSecretName?: string) {
  let result: any;
  const props = tlsSecretName ? { tlsSecretName } : {};
  synth((chart) => (result = new PostgresStatefulSet(chart, 'postgres', props).connectFrom(client(1))));
  return result;
}

describe('without tlsSecretName', () => {
  test('the server has no certificate', () => {
    const { container, pod } = postgres();
    expect(container.args.join(' ')).not.toContain('ssl');
    expect(JSON.stringify(pod.volumes)).not.toContain('tls');
  });

  test('clients get no variable about TLS', () => {
    expect(Object.keys(connection().environment)).toEqual(['PGHOST', 'PGPORT', 'PGDATABASE', 'PGCONNECT_TIMEOUT']);
    expect(connection().secretFiles).toEqual([]);
  });
});

describe('with tlsSecretName', () => {
  const { container, pod, job, jobContainer } = postgres({ tlsSecretName: 'certificate' });

  test.each([
    ['ssl', 'on'],
    ['ssl_cert_file', '/etc/postgresql-tls/tls.crt'],
    ['ssl_key_file', '/etc/postgresql-tls/tls.key'],
    ['ssl_ca_file', '/etc/postgresql-tls/ca.crt'],
  ])('the server has %s=%s', (key, value) => {
    expect(container.args).toContain(`${key}=${value}`);
  });

  test('the key cannot be read by others, because PostgreSQL refuses such a key', () => {
    const { name, secret } = pod.volumes.find((volume: any) => volume.secret?.secretName === 'certificate');
    expect(secret.defaultMode).toBe(0o440);
    expect(container.volumeMounts).toContainEqual({ name, mountPath: '/etc/postgresql-tls', readOnly: true });
  });

  test('clients verify the certificate and its name', () => {
    expect(connection('certificate').environment).toMatchObject({
      PGHOST: 'postgres',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/etc/mlflow-database/ca.crt',
    });
  });

  test('clients get the authority of the Secret, never its key', () => {
    expect(connection('certificate').secretFiles).toEqual([
      { secretName: 'certificate', keys: ['ca.crt'], directory: '/etc/mlflow-database' },
    ]);
  });

  test("the set-up Job, which sends the superuser's password, verifies it too", () => {
    expect(environmentOf(jobContainer)).toMatchObject({
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/etc/mlflow-database/ca.crt',
    });
    expect(jobContainer.volumeMounts).toContainEqual({
      name: 'files-0',
      mountPath: '/etc/mlflow-database',
      readOnly: true,
    });
    expect(job.spec.template.spec.volumes).toContainEqual({
      name: 'files-0',
      secret: { secretName: 'certificate', defaultMode: 0o440, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    });
  });
});
