import { Size } from 'cdk8s';
import { Credentials } from '../credentials/credentials';
import { PodOptions } from '../kubernetes/pod-options';

/** Options of the embedded PostgreSQL. */
export interface PostgresStatefulSetProps extends PodOptions {
  /**
   * Size of the volume `postgres-data`. A claim's size cannot be changed by a later synth: grow the claim itself.
   * @default Size.gibibytes(50)
   */
  readonly storage?: Size;
  /**
   * Storage class of the volume.
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
  /**
   * Name of MLflow's database: `PGDATABASE`.
   * @default 'mlflow'
   */
  readonly databaseName?: string;
  /**
   * The superuser, known to the server's pod and the set-up Job alone. Its Secret's keys are `POSTGRES_USER` and `POSTGRES_PASSWORD`, those of
   * the image. The password counts when the volume is made; later it is changed with `ALTER ROLE`.
   * @default Credentials.generated() - Secret `<name>-secret`, user `postgres`
   */
  readonly superuser?: Credentials;
  /**
   * MLflow's own role, which owns its databases and nothing else. Its Secret's keys are `username` and `password`.
   * @default Credentials.generated() - Secret `<name>-mlflow-secret`, user `mlflow`
   */
  readonly credentials?: Credentials;
  /**
   * `max_connections`. Refused where it is fewer than the servers can open, or more than the memory limit holds.
   * @default - what the servers can open and 20 more, rounded up to a multiple of 25, at least 50
   */
  readonly maxConnections?: number;
  /**
   * Name of an existing Secret (mounted for `ssl_cert_file`, `ssl_key_file`, `ssl_ca_file`) with `tls.crt`, `tls.key` and `ca.crt` (as cert-manager makes it), for the name of the
   * Service. With it the server takes TLS alone and its clients check the certificate (`PGSSLMODE=verify-full`).
   * @default - no TLS between server and database
   */
  readonly tlsSecretName?: string;
}
