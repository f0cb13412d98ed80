import { Size } from 'cdk8s';
import { ContainerResources, k8s } from 'cdk8s-plus-27';
import { Tuning, settings } from './tuning';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { contentHash } from '../component/program';
import { LoginReference } from '../credentials/credentials';
import { Json, Probe, Volume, VolumeMount } from '../kubernetes/manifest';
import { environment, scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { containerSecurity } from '../kubernetes/security';

export const POSTGRES_PORT = 5432;
/** The image's own user: the data folder must belong to the user that runs the server. */
export const POSTGRES_USER = 999;

/** The mount path of the volume, as the image expects it. */
const DATA = '/var/lib/postgresql/data';
const TLS = '/etc/postgresql-tls';
const CONFIG = '/etc/postgresql-config';

/** Longer than the shutdown checkpoint of a busy database takes. */
const GRACE_SECONDS = 120;

export interface PostgresPodProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly superuser: LoginReference;
  readonly tuning: Tuning;
  /** Text of `pg_hba.conf`, and its path. */
  readonly accessRules: string;
  readonly accessRulesConfigMap: string;
  readonly tlsSecretName?: string;
}

/** The set-up Job adds MLflow's role to this one. */
const MLFLOW = '+cdk8s_mlflow';
/** The set-up Job adds the exporter's role to this one. */
const METRICS = '+cdk8s_metrics';

/**
 * Which roles may log in, and how. The image's own file trusts every connection from 127.0.0.1, and so every port-forward;
 * this one trusts only the socket inside the container. MLflow's role may open only its own databases: PostgreSQL otherwise
 * lets every role open a database that is created later. The exporter's role may log in only from inside the pod, without
 * TLS.
 */
export function accessRules(tls: boolean, databases: string[], metrics = false): string {
  const host = tls ? 'hostssl' : 'host';
  // In quotes: without them, a name such as `all` is a keyword.
  const own = databases.map((name) => `"${name}"`).join(',');
  return [
    '# TYPE  DATABASE  USER  ADDRESS  METHOD',
    'local all all trust',
    `${host} ${own} ${MLFLOW} all scram-sha-256`,
    `host all ${MLFLOW} all reject`,
    ...(metrics ? [`host postgres ${METRICS} 127.0.0.1/32 scram-sha-256`, `host all ${METRICS} all reject`] : []),
    `${host} all all all scram-sha-256`,
    '',
  ].join('\n');
}

export function postgresPod(props: PostgresPodProps): PodProps {
  const tls = props.tlsSecretName
    ? { ssl: 'on', ssl_cert_file: `${TLS}/tls.crt`, ssl_key_file: `${TLS}/tls.key`, ssl_ca_file: `${TLS}/ca.crt` }
    : {};
  const options = { ...settings(props.tuning), hba_file: `${CONFIG}/pg_hba.conf`, ...tls };
  const volumes: Volume[] = [
    { name: 'superuser', secret: { secretName: props.superuser.secretName, defaultMode: 0o440 } },
    { name: 'config', configMap: { name: props.accessRulesConfigMap } },
    scratch('run', Size.mebibytes(16)),
    scratch('tmp', Size.mebibytes(512)),
    scratch('shm', Size.mebibytes(256), 'Memory'),
    ...(props.tlsSecretName ? [{ name: 'tls', secret: { secretName: props.tlsSecretName, defaultMode: 0o440 } }] : []),
  ];
  const mounts: VolumeMount[] = [
    { name: 'postgres-data', mountPath: DATA, subPath: 'postgres' },
    { name: 'superuser', mountPath: '/run/secrets/postgres', readOnly: true },
    { name: 'config', mountPath: CONFIG, readOnly: true },
    { name: 'run', mountPath: '/var/run/postgresql' },
    { name: 'tmp', mountPath: '/tmp' },
    { name: 'shm', mountPath: '/dev/shm' },
    ...(props.tlsSecretName ? [{ name: 'tls', mountPath: TLS, readOnly: true }] : []),
  ];
  return {
    annotations: { 'cdk8s-mlflow/config-hash': contentHash({ hba: props.accessRules }) },
    user: POSTGRES_USER,
    placement: props.placement,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: [
      {
        name: 'postgres',
        image: props.image,
        // An older set-up has its data in the mount path itself; new data is in a folder below it, which initdb may chmod.
        command: [
          'sh',
          '-c',
          [
            `[ ! -s ${DATA}/PG_VERSION ] || export PGDATA=${DATA}`,
            // The image would keep the carriage return of a Secret that was written on Windows; clients remove it.
            // No `${…}`: Flux would substitute it.
            `secret() { tr -d '\\r' <"$1"; }`,
            'POSTGRES_USER=$(secret "$POSTGRES_USER_FILE") POSTGRES_PASSWORD=$(secret "$POSTGRES_PASSWORD_FILE")',
            'export POSTGRES_USER POSTGRES_PASSWORD',
            'unset POSTGRES_USER_FILE POSTGRES_PASSWORD_FILE',
            // A renewed certificate takes effect when the server reloads its configuration.
            ...(props.tlsSecretName ? ['(while sleep 3600; do kill -HUP 1; done) &'] : []),
            'exec docker-entrypoint.sh "$@"',
          ].join('\n'),
          'postgres',
        ],
        args: ['postgres', ...Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
        env: environment({
          PGDATA: `${DATA}/pgdata`,
          POSTGRES_USER_FILE: `/run/secrets/postgres/${props.superuser.usernameKey}`,
          POSTGRES_PASSWORD_FILE: `/run/secrets/postgres/${props.superuser.passwordKey}`,
          POSTGRES_DB: 'postgres',
          // pg_isready otherwise looks up the name of its user, and one that the cluster chose has none.
          ...(props.placement.clusterAssignsUsers && { PGUSER: 'postgres' }),
          // C.UTF-8: an update of the image's C library can change other locales, which breaks indexes.
          POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C.UTF-8 --data-checksums',
        }),
        ports: [{ name: 'postgres', containerPort: POSTGRES_PORT }],
        ...probes(),
        resources: renderResources(props.resources),
        securityContext: containerSecurity(POSTGRES_USER),
        volumeMounts: mounts,
      },
    ],
    volumes,
  };
}

/** `pg_isready` over TCP: the server that initdb starts for a moment listens only on its socket. */
function probes(): { startupProbe: Probe; livenessProbe: Probe; readinessProbe: Probe } {
  const ready = ['pg_isready', '-q', '-h', '127.0.0.1', '-p', String(POSTGRES_PORT)];
  const exec = (command: string[]): Json<k8s.ExecAction> => ({ command });
  return {
    // Half an hour: recovery after a crash replays everything since the last checkpoint.
    startupProbe: { exec: exec(ready), periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 1800 },
    // Exit code 1: the server is alive but rejects, e.g. in recovery. Only no answer at all (2) is a reason to restart.
    livenessProbe: {
      exec: exec(['sh', '-c', `${ready.join(' ')}; test $? -ne 2`]),
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    readinessProbe: { exec: exec(ready), periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
  };
}
