import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { PodOptions } from '../component/pod-options';
import { Credentials } from '../credentials/credentials';
import { NetworkPeer } from '../kubernetes/network-peer';

/** Options of the embedded PostgreSQL. */
export interface PostgresStatefulSetProps extends PodOptions {
  /**
   * Size of the volume `postgres-data`. A later synth cannot change the size of a claim: enlarge the claim itself.
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
   * The superuser, known only to the server's pod and the set-up Job. Its Secret's keys are `POSTGRES_USER` and
   * `POSTGRES_PASSWORD`, those of the image. PostgreSQL reads the password only when it creates its data; change it later
   * with `ALTER ROLE`.
   * @default Credentials.generated() - Secret `<name>-secret`, user `postgres`
   */
  readonly superuser?: Credentials;
  /**
   * MLflow's own role, which owns its databases and nothing else. Its Secret's keys are `username` and `password`.
   * @default Credentials.generated() - Secret `<name>-mlflow-secret`, user `mlflow`
   */
  readonly credentials?: Credentials;
  /**
   * `max_connections`. Refused if it is fewer than the servers can open, or more than the memory limit allows.
   * @default - what the servers can open and 20 more, rounded up to a multiple of 25, at least 50
   */
  readonly maxConnections?: number;
  /**
   * Name of an existing Secret with `tls.crt`, `tls.key` and `ca.crt` (as cert-manager creates it), mounted for
   * `ssl_cert_file`, `ssl_key_file` and `ssl_ca_file`. The certificate must name the Service. With it the server accepts
   * only TLS and its clients check the certificate (`PGSSLMODE=verify-full`).
   * @default - no TLS between server and database
   */
  readonly tlsSecretName?: string;
  /**
   * Whether Prometheus may read the server's metrics: a second container `exporter` (postgres_exporter), and a Service
   * `<name>-metrics`. It logs in only over the pod's loopback, as a role that is a member of `pg_monitor` and may open only
   * the database `postgres`.
   * @see https://github.com/prometheus-community/postgres_exporter
   * @default false
   */
  readonly metrics?: boolean;
  /**
   * Clients that the NetworkPolicy lets read the metrics, port `metrics` (9187) of the pod. That port asks for no login.
   * Refused without `metrics: true`.
   * @default - the namespace `monitoring`, with `metrics: true`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * The exporter's role. Its Secret's keys are `username` and `password`; the exporter reads them when it starts, and cannot
   * log in with a password that contains a space. Refused without `metrics: true`.
   * @default Credentials.generated() - Secret `<name>-exporter-secret`, user `exporter`
   */
  readonly exporterCredentials?: Credentials;
  /**
   * Image of the container `exporter`, with a tag other than `latest` or a digest: `image`. Refused without
   * `metrics: true`.
   * @default Images.POSTGRES_EXPORTER
   */
  readonly exporterImage?: string;
  /**
   * Requests and limits of the container `exporter`. What is left out keeps the default. Refused without `metrics: true`.
   * @default - requests 20m and 32Mi, limits 500m and 128Mi
   */
  readonly exporterResources?: ContainerResources;
}
