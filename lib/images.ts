/** Every image of the platform, in one place. */
export class Images {
  /** MLflow with its database drivers, store clients and exporter. */
  public static readonly MLFLOW = 'ghcr.io/mlflow/mlflow:v3.18.0-full';
  /** PostgreSQL. */
  public static readonly POSTGRES = 'docker.io/library/postgres:17';
  /** MinIO's server, with its client `mc`: the last image that was published. */
  public static readonly MINIO = 'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z';
  /** A build of nginx that runs under any uid. */
  public static readonly NGINX = 'docker.io/nginxinc/nginx-unprivileged:1.28-alpine';
  /** Node.js, for the programs of runtime/. */
  public static readonly NODE = 'docker.io/library/node:22-alpine';

  private constructor() {}
}
