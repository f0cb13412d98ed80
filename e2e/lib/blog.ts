import { randomBytes } from 'node:crypto';
import { fixture } from './fixture';
import { MINIO } from './mc';
import { Namespace } from './namespace';
import { Images } from '../../lib';

export interface BlogOptions {
  readonly postgres?: string;
  readonly mlflow?: string;
}

/** The platform of a typical blog post, in a namespace of its own, with passwords made for the run. */
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

  /** The bucket, for everybody to read, as the post makes it. */
  public makeBucket(): void {
    this.namespace.kubectl('wait', '--for=condition=ready', 'pod/mlflow-minio-0', '--timeout=300s');
    const script = `export MC_CONFIG_DIR=/tmp/mc
      printf '%s\\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store http://localhost:9000
      mc mb store/mlflow; mc anonymous set download store/mlflow`;
    this.namespace.kubectl('exec', 'mlflow-minio-0', '--', 'sh', '-ec', script);
  }

  /** Where its server is: by address, as MLflow refuses the names of Services where it is not told them. */
  public address(): string {
    return `http://${this.namespace.json('get', 'service', 'mlflow-server').spec.clusterIP}:5000`;
  }
}
