// Which program reads each variable that the library sets. A variable that no program reads is ignored silently.
import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import { contentsOf } from './programs';

/** A program of another project, and its variables that the library sets. */
export interface Reader {
  readonly name: string;
  /** Paths of the images that contain it, as in IMAGE_CONTENTS. */
  readonly images: readonly string[];
  readonly variables: readonly string[];
  /** Proof that it reads them: a Python package or a library, in which test/native/variables.test.ts searches, or a page. */
  readonly where: { readonly package: string } | { readonly library: string } | { readonly page: string };
}

const MLFLOW = 'ghcr.io/mlflow/mlflow';
const POSTGRES = 'docker.io/library/postgres';
const CLOUD_NATIVE_POSTGRES = 'ghcr.io/cloudnative-pg/postgresql';
const NODE = 'docker.io/library/node';
const RCLONE = 'docker.io/rclone/rclone';
const OAUTH2_PROXY = 'quay.io/oauth2-proxy/oauth2-proxy';
const SEAWEEDFS = 'docker.io/chrislusf/seaweedfs';
const STORES = ['docker.io/pgsty/silo', 'quay.io/minio/minio'];

export const READERS: readonly Reader[] = [
  {
    name: 'MLflow',
    images: [MLFLOW],
    where: { package: 'mlflow' },
    variables: [
      'AZURE_STORAGE_ACCESS_KEY',
      'MLFLOW_AUTH_ADMIN_PASSWORD',
      'MLFLOW_AUTH_ADMIN_USERNAME',
      'MLFLOW_AUTH_CONFIG_PATH',
      'MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE',
      'MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX',
      'MLFLOW_CRYPTO_KEK_PASSPHRASE',
      'MLFLOW_DISABLE_TELEMETRY',
      'MLFLOW_FLASK_SERVER_SECRET_KEY',
      'MLFLOW_S3_ENDPOINT_URL',
      'MLFLOW_S3_UPLOAD_EXTRA_ARGS',
      'MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT',
      'MLFLOW_SERVER_ALLOWED_HOSTS',
      'MLFLOW_SERVER_CORS_ALLOWED_ORIGINS',
      'MLFLOW_SERVER_ENABLE_JOB_EXECUTION',
      'MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS',
      'MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW',
      'MLFLOW_SQLALCHEMYSTORE_POOL_SIZE',
      'MLFLOW_TRACKING_PASSWORD',
      'MLFLOW_TRACKING_URI',
      'MLFLOW_TRACKING_USERNAME',
      'MLFLOW_WORKSPACE',
      'MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY',
      // Of a platform of the tests, by the prop secretEnvironment.
      'OPENAI_API_KEY',
    ],
  },
  {
    name: 'boto3 (botocore)',
    images: [MLFLOW],
    where: { package: 'botocore' },
    variables: [
      'AWS_ACCESS_KEY_ID',
      'AWS_CA_BUNDLE',
      'AWS_DEFAULT_REGION',
      'AWS_REQUEST_CHECKSUM_CALCULATION',
      'AWS_RESPONSE_CHECKSUM_VALIDATION',
      'AWS_SECRET_ACCESS_KEY',
    ],
  },
  {
    name: "Google's client (google-auth)",
    images: [MLFLOW],
    where: { package: 'google' },
    variables: ['GOOGLE_APPLICATION_CREDENTIALS'],
  },
  {
    name: 'libpq',
    images: [MLFLOW, POSTGRES, CLOUD_NATIVE_POSTGRES],
    where: { library: 'psycopg2_binary.libs/libpq' },
    variables: [
      'PGCONNECT_TIMEOUT',
      'PGDATABASE',
      'PGHOST',
      'PGPASSWORD',
      'PGPORT',
      'PGSSLCERT',
      'PGSSLKEY',
      'PGSSLMODE',
      'PGSSLROOTCERT',
      'PGTARGETSESSIONATTRS',
      'PGUSER',
    ],
  },
  {
    name: "Go's HTTP client",
    images: [OAUTH2_PROXY],
    where: { page: 'https://pkg.go.dev/net/http#ProxyFromEnvironment' },
    variables: ['HTTPS_PROXY', 'NO_PROXY'],
  },
  {
    name: "Go's certificates",
    images: STORES,
    where: { page: 'https://pkg.go.dev/crypto/x509#SystemCertPool' },
    variables: ['SSL_CERT_FILE'],
  },
  {
    name: 'Node.js',
    images: [NODE],
    where: { page: 'https://nodejs.org/docs/latest-v22.x/api/cli.html#node_extra_ca_certsfile' },
    variables: ['NODE_EXTRA_CA_CERTS'],
  },
  {
    name: 'requests',
    images: [MLFLOW],
    where: { page: 'https://requests.readthedocs.io/en/latest/user/advanced/#proxies' },
    variables: ['HTTPS_PROXY', 'NO_PROXY'],
  },
  {
    name: 'rclone and its clients',
    images: [RCLONE],
    where: { page: 'https://rclone.org/docs/#environment-variables' },
    variables: ['HOME', 'RCLONE_BWLIMIT'],
  },
  {
    name: 'Python',
    images: [MLFLOW],
    where: { page: 'https://docs.python.org/3/using/cmdline.html#environment-variables' },
    variables: ['HOME', 'PYTHONDONTWRITEBYTECODE', 'PYTHONUNBUFFERED'],
  },
  {
    name: 'OpenMP, OpenBLAS and MKL, which models use',
    images: [MLFLOW],
    where: { page: 'https://scikit-learn.org/stable/computing/parallelism.html' },
    variables: ['MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'],
  },
  {
    name: "the image's entry point",
    images: [POSTGRES],
    where: { page: 'https://github.com/docker-library/docs/blob/master/postgres/README.md#environment-variables' },
    variables: ['PGDATA', 'POSTGRES_DB', 'POSTGRES_INITDB_ARGS', 'POSTGRES_PASSWORD_FILE', 'POSTGRES_USER_FILE'],
  },
  {
    name: 'psql',
    images: [POSTGRES],
    where: { page: 'https://www.postgresql.org/docs/17/app-psql.html#APP-PSQL-ENVIRONMENT' },
    variables: ['HOME'],
  },
  {
    name: 'the server',
    images: STORES,
    where: { page: 'https://github.com/minio/minio/tree/master/docs/config' },
    variables: [
      'MINIO_PROMETHEUS_AUTH_TYPE',
      'MINIO_ROOT_PASSWORD',
      'MINIO_ROOT_PASSWORD_FILE',
      'MINIO_ROOT_USER',
      'MINIO_ROOT_USER_FILE',
      'MINIO_UPDATE',
    ],
  },
  {
    name: 'weed',
    images: [SEAWEEDFS],
    where: { page: 'https://github.com/seaweedfs/seaweedfs/wiki/Environment-Variables' },
    variables: ['HOME', 'WEED_MASTER_VOLUME_GROWTH_COPY_1'],
  },
  {
    name: 'the runtime of Go',
    images: [SEAWEEDFS],
    where: { page: 'https://pkg.go.dev/runtime#hdr-Environment_Variables' },
    variables: ['GOMEMLIMIT'],
  },
  {
    name: 'postgres_exporter',
    images: ['quay.io/prometheuscommunity/postgres-exporter'],
    where: { page: 'https://github.com/prometheus-community/postgres_exporter#environment-variables' },
    variables: ['DATA_SOURCE_PASS_FILE', 'DATA_SOURCE_URI', 'DATA_SOURCE_USER_FILE'],
  },
  {
    name: '`mc` and the server',
    images: STORES,
    where: { page: 'https://github.com/minio/mc#configuration' },
    variables: ['HOME', 'MC_CONFIG_DIR'],
  },
];

/** Folders of runtime/ whose programs run in an image. */
const OWN: Record<string, string[]> = {
  [MLFLOW]: ['mlflow'],
  [POSTGRES]: ['postgres'],
  [CLOUD_NATIVE_POSTGRES]: ['postgres'],
  'docker.io/library/mariadb': ['mysql'],
  [RCLONE]: ['rclone'],
  [SEAWEEDFS]: ['seaweedfs'],
  'docker.io/library/node': ['credentials', 'deployer', 'kubernetes'],
  ...Object.fromEntries(STORES.map((image) => [image, ['minio']])),
};
const RUNTIME = join(__dirname, '..', '..', 'runtime');
const texts = new Map<string, string[]>();

/** The readers of a variable in an image: programs of other projects, and files of runtime/. If none, it has no effect. */
export function readersOf(image: string, variable: string): string[] {
  const path = contentsOf(image)?.image ?? '';
  const others = READERS.filter(({ images, variables }) => images.includes(path) && variables.includes(variable));
  const word = new RegExp(`(?<![\\w-])${variable}(?![\\w-])`);
  const own = (OWN[path] ?? []).flatMap((folder) =>
    readdirSync(join(RUNTIME, folder))
      .sort()
      .filter((file) => /\.(py|sh|ts)$/.test(file) && textOf(folder, file).some((line) => word.test(line)))
      .map((file) => `runtime/${folder}/${file}`),
  );
  return [...others.map(({ name }) => name), ...own];
}

/** Lines of a program without comments, which may mention variables that it does not read. */
function textOf(folder: string, file: string): string[] {
  const path = join(RUNTIME, folder, file);
  if (!texts.has(path)) {
    // `/*` is a pattern in a shell script.
    const comment = file.endsWith('.ts') ? /\/\*[^]*?\*\//g : /"""[^]*?"""/g;
    const text = readFileSync(path, 'utf8').replaceAll(comment, '');
    texts.set(
      path,
      text.split('\n').filter((line) => !/^\s*(#|\/\/)/.test(line)),
    );
  }
  return texts.get(path)!;
}
