import { randomBytes } from 'node:crypto';
import { fixture } from './fixture';
import { MINIO } from './mc';
import { Namespace } from './namespace';
import { Images } from '../../lib';

export interface BlogOptions {
  readonly postgres?: string;
  readonly mlflow?: string;
}

/** The platform of a typical blog post, in its own namespace, with passwords generated for this run. */
export class Blog {
  private readonly manifests: string;

  constructor(
    public readonly namespace: Namespace,
    options: BlogOptions = {},
  ) {
    this.manifests = fixture('blog.yaml', {
      DATABASE_PASSWORD: randomBytes(16).toString('hex'),
      STORE_PASSWORD: randomBytes(16).toString('hex'),
      POSTGRES: options.postgres ?? Images.POSTGRES,
      MINIO,
      MLFLOW: options.mlflow ?? Images.MLFLOW,
    });
  }

  public apply(): void {
    this.namespace.apply(this.manifests);
  }

  /** Creates the bucket with public read access, as the post does. */
  public makeBucket(): void {
    this.namespace.kubectl('wait', '--for=condition=ready', 'pod/mlflow-minio-0', '--timeout=300s');
    const script = `export MC_CONFIG_DIR=/tmp/mc
      printf '%s\\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store http://localhost:9000
      mc mb store/mlflow; mc anonymous set download store/mlflow`;
    this.namespace.kubectl('exec', 'mlflow-minio-0', '--', 'sh', '-ec', script);
  }

  /** The URL of its server, with an IP address: MLflow refuses names of Services that are not in its allowed hosts. */
  public address(): string {
    return `http://${this.namespace.json('get', 'service', 'mlflow-server').spec.clusterIP}:5000`;
  }
}
