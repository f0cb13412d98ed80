import { Namespace } from './namespace';

/** The last image of MinIO, which older platforms have. */
export const MINIO = 'quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z';

/** Runs a script in the pod of the platform's store. Its `mc` has the alias `store`, with the root user. */
export function asRootOfStore(namespace: Namespace, script: string): string {
  const login = `cd /run/secrets/mlflow; export MC_CONFIG_DIR=/tmp/mc
    printf '%s\\n' "$(cat MINIO_ROOT_USER)" "$(cat MINIO_ROOT_PASSWORD)" | mc alias set store http://localhost:9000 >&2
    ${script}`;
  return namespace.kubectl('exec', 'mlflow-minio-0', '--', 'sh', '-ec', login);
}
