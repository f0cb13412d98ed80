/** Every image of the platform, in one place. */
export class Images {
  /** MLflow with its database drivers, store clients and exporter. */
  public static readonly MLFLOW = 'ghcr.io/mlflow/mlflow:v3.18.0-full';
  /** PostgreSQL. */
  public static readonly POSTGRES = 'docker.io/library/postgres:17.11';
  /** PostgreSQL as CloudNativePG's operator runs it. */
  public static readonly CLOUD_NATIVE_POSTGRES = 'ghcr.io/cloudnative-pg/postgresql:17.11-standard-trixie';
  /** MariaDB, whose `mariadb-dump` makes dumps of a database of `Database.mysql(…)`. */
  public static readonly MARIADB = 'docker.io/library/mariadb:11.8.9';
  /** Silo, the maintained fork of MinIO: an S3 store with its client `mc`. */
  public static readonly SILO = 'docker.io/pgsty/silo:RELEASE.2026-09-16T00-00-00Z';
  /** SeaweedFS: an S3 store. */
  public static readonly SEAWEEDFS = 'docker.io/chrislusf/seaweedfs:4.46';
  /** Prometheus' exporter for PostgreSQL. */
  public static readonly POSTGRES_EXPORTER = 'quay.io/prometheuscommunity/postgres-exporter:v0.19.1';
  /** A build of nginx that runs under any uid. */
  public static readonly NGINX = 'docker.io/nginxinc/nginx-unprivileged:1.30.5-alpine';
  /** OAuth2 Proxy, which checks the logins of an OpenID Connect provider. */
  public static readonly OAUTH2_PROXY = 'quay.io/oauth2-proxy/oauth2-proxy:v7.15.6';
  /** Node.js, for the programs of runtime/. */
  public static readonly NODE = 'docker.io/library/node:22.23.3-alpine';
  /** The program rclone, which copies backups. */
  public static readonly RCLONE = 'docker.io/rclone/rclone:1.75.1';

  private constructor() {}
}
