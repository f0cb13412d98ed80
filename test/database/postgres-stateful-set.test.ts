import { execFileSync } from 'child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Size } from 'cdk8s';
import { postgres } from '../support/components';
import { find } from '../support/synth';

// A database from the blog's manifests has these names: with others, the new pod would not find its volume.
describe('names equal to those of the seed', () => {
  const { statefulSet, container, service } = postgres();

  test('StatefulSet and headless Service are mlflow-postgres, and the StatefulSet names the Service', () => {
    expect(statefulSet.metadata.name).toBe('mlflow-postgres');
    expect(service.metadata.name).toBe('mlflow-postgres');
    expect(service.spec.clusterIP).toBe('None');
    // Otherwise one late probe would remove the DNS name of the only server for all clients.
    expect(service.spec.publishNotReadyAddresses).toBe(true);
    expect(statefulSet.spec.serviceName).toBe('mlflow-postgres');
  });

  test('the claim is postgres-data, mounted with the subPath postgres', () => {
    expect(statefulSet.spec.volumeClaimTemplates.map((claim: any) => claim.metadata.name)).toEqual(['postgres-data']);
    const mount = container.volumeMounts.find(({ name }: any) => name === 'postgres-data');
    expect(mount).toEqual({ name: 'postgres-data', mountPath: '/var/lib/postgresql/data', subPath: 'postgres' });
  });

  test('pods keep the label app', () => {
    expect(statefulSet.spec.template.metadata.labels.app).toBe('mlflow-postgres');
  });
});

test('the defaults are 50Gi of the default storage class, PostgreSQL 17, 500m/1Gi to 2/4Gi', () => {
  const { statefulSet, container } = postgres();
  const [claim] = statefulSet.spec.volumeClaimTemplates;
  expect(claim.spec).toMatchObject({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '50Gi' } } });
  expect(claim.spec.storageClassName).toBeUndefined();
  expect(container.image).toBe('docker.io/library/postgres:17.11');
  expect(container.resources.requests).toMatchObject({ cpu: '500m', memory: '1Gi' });
  expect(container.resources.limits).toMatchObject({ cpu: '2', memory: '4Gi' });
});

test('one pod runs, and a second never starts on its volume', () => {
  expect(postgres().statefulSet.spec.replicas).toBe(1);
});

test('a deleted or scaled StatefulSet keeps its volume', () => {
  const policy = postgres().statefulSet.spec.persistentVolumeClaimRetentionPolicy;
  expect(policy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
});

test('the grace period of 120 seconds is long enough for a checkpoint', () => {
  expect(postgres().pod.terminationGracePeriodSeconds).toBe(120);
});

test.each(['', '\n', '\r\n'])('the name of the superuser is read from the Secret without the line ending %j', (end) => {
  const folder = mkdtempSync(join(tmpdir(), 'superuser-'));
  writeFileSync(join(folder, 'user'), `postgres${end}`);
  writeFileSync(join(folder, 'password'), `p%s\\$a "b"${end}`);
  writeFileSync(
    join(folder, 'docker-entrypoint.sh'),
    '#!/bin/sh\nprintf "%s|%s|%s|%s" "$POSTGRES_USER" "$POSTGRES_PASSWORD" "$POSTGRES_PASSWORD_FILE" "$1"\n',
    { mode: 0o755 },
  );
  const [program, ...words] = postgres().container.command;
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    POSTGRES_USER_FILE: join(folder, 'user'),
    POSTGRES_PASSWORD_FILE: join(folder, 'password'),
  };
  const out = execFileSync(program, [...words, 'postgres'], { env, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  // The image refuses a variable together with its `_FILE` form.
  expect(out).toBe('postgres|p%s\\$a "b"||postgres');
});

test('the shell of the command runs the server by exec, so that it gets the signals', () => {
  expect(postgres().container.command.slice(0, 2)).toEqual(['sh', '-c']);
  expect(postgres().container.command[2]).toMatch(/\nexec docker-entrypoint\.sh "\$@"$/);
});

test('new data is in a folder of the mount, and data in the mount itself is found too', () => {
  const { container } = postgres();
  expect(container.env).toContainEqual({ name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' });
  expect(container.command[2]).toContain(
    '[ ! -s /var/lib/postgresql/data/PG_VERSION ] || export PGDATA=/var/lib/postgresql/data\n',
  );
});

describe('probes', () => {
  const { startupProbe, livenessProbe, readinessProbe } = postgres().container;
  const isReady = ['pg_isready', '-q', '-h', '127.0.0.1', '-p', '5432'];

  test('the startup probe waits half an hour for a recovery', () => {
    expect(startupProbe.exec.command).toEqual(isReady);
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(1800);
  });

  test('the liveness probe fails only if pg_isready exits with 2, no answer', () => {
    expect(livenessProbe.exec.command).toEqual(['sh', '-c', `${isReady.join(' ')}; test $? -ne 2`]);
  });

  test('the liveness probe needs no connection that max_connections could refuse', () => {
    expect(JSON.stringify(livenessProbe)).not.toContain('psql');
  });

  test('the readiness probe uses TCP, on which the server of initdb does not listen', () => {
    expect(readinessProbe.exec.command).toEqual(isReady);
  });
});

describe('pg_hba.conf', () => {
  const hba = (tlsSecretName?: string) =>
    find(postgres(tlsSecretName ? { tlsSecretName } : {}).objects, 'ConfigMap', 'mlflow-postgres').data['pg_hba.conf'];
  const rules = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  test('trusts only the socket in the container', () => {
    expect(rules(hba())).toEqual([
      'local all all trust',
      'host "mlflow" +cdk8s_mlflow all scram-sha-256',
      'host all +cdk8s_mlflow all reject',
      'host all all all scram-sha-256',
    ]);
  });

  test("allows MLflow's role only its databases, added ones included", () => {
    const { objects } = postgres({ databaseName: 'runs' }, (database) => database.addDatabase('all'));
    expect(rules(find(objects, 'ConfigMap', 'mlflow-postgres').data['pg_hba.conf'])).toContain(
      'host "runs","all" +cdk8s_mlflow all scram-sha-256',
    );
  });

  test('refuses connections without TLS if TLS is on', () => {
    const open = rules(hba('certificate')).filter((rule) => !/^local|reject$/.test(rule));
    expect(open.map((rule) => rule.split(' ')[0])).toEqual(['hostssl', 'hostssl']);
  });

  test('is read by the server, and a change triggers a rollout', () => {
    const [plain, tls] = [postgres(), postgres({ tlsSecretName: 'certificate' })];
    expect(plain.container.args).toContain('hba_file=/etc/postgresql-config/pg_hba.conf');
    const hash = ({ statefulSet }: any) => statefulSet.spec.template.metadata.annotations['cdk8s-mlflow/config-hash'];
    expect(hash(tls)).not.toBe(hash(plain));
  });
});

test('the claim has the given size and storage class', () => {
  const { statefulSet } = postgres({ storage: Size.gibibytes(200), storageClassName: 'fast-ssd' });
  expect(statefulSet.spec.volumeClaimTemplates[0].spec).toMatchObject({
    storageClassName: 'fast-ssd',
    resources: { requests: { storage: '200Gi' } },
  });
});

test('only the set-up Job has ingress until a client connects', () => {
  const from = postgres().policy.spec.ingress.map((rule: any) => rule.from);
  const setUp = {
    'app.kubernetes.io/name': 'mlflow',
    'app.kubernetes.io/instance': 'mlflow-postgres',
    'app.kubernetes.io/component': 'postgres-set-up',
  };
  expect(from).toEqual([[{ podSelector: { matchLabels: setUp } }]]);
});

test('the database has no egress', () => {
  const { policyTypes, egress = [] } = postgres().policy.spec;
  expect(policyTypes).toEqual(['Ingress', 'Egress']);
  expect(egress).toEqual([]);
});
