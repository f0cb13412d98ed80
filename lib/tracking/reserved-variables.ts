import { Rule } from '../kubernetes/rules';

/** Variables that a program of ours or MLflow rests on: what to use instead, or why nothing can take their place. */
export type ReservedVariables = readonly (readonly [names: readonly string[], instead: string])[];

const KEPT_BY_THE_LIBRARY = 'expected without it: the library sets it, and the server fails with another value';

/** What `environment` of a tracking server, which its migration shares, may not change. */
export const SERVER_VARIABLES: ReservedVariables = [
  [
    ['MLFLOW_SQLALCHEMYSTORE_POOL_SIZE', 'MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW', 'MLFLOW_SQLALCHEMYSTORE_POOLCLASS'],
    'expected the prop maxDatabaseRequests, from which the connections follow',
  ],
  [
    [
      'DATABASE_MODULE',
      'DATABASE_NAME',
      'MIGRATION_MODULE',
      'MLFLOW_BACKEND_STORE_URI',
      'MLFLOW_MYSQL_SSL_CA',
      'MLFLOW_MYSQL_SSL_CERT',
      'MLFLOW_MYSQL_SSL_KEY',
      'MLFLOW_REGISTRY_STORE_URI',
      'MLFLOW_WORKSPACE_STORE_URI',
      'MYSQL_HOST',
      'MYSQL_SSL_CA',
      'MYSQL_SSL_CERT',
      'MYSQL_SSL_KEY',
      'MYSQL_SSL_MODE',
      'MYSQL_TCP_PORT',
      'MYSQL_USER',
      'PGDATABASE',
      'PGHOST',
      'PGHOSTADDR',
      'PGPORT',
      'PGSERVICE',
      'PGSSLCERT',
      'PGSSLKEY',
      'PGSSLMODE',
      'PGSSLROOTCERT',
      'PGTARGETSESSIONATTRS',
      'PGUSER',
      'SQLITE_COPIES',
      'SQLITE_DIRECTORY',
    ],
    'expected the prop database, e.g. Database.fromExisting(…): all of MLflow is in one database',
  ],
  [
    ['MLFLOW_READ_REPLICA_BACKEND_STORE_URI'],
    'expected readReplicaHost of Database.fromExisting(…), or readReplicas of CloudNativePostgres, in the prop database',
  ],
  [
    [
      'MLFLOW_ARTIFACTS_DESTINATION',
      'MLFLOW_ARTIFACTS_ONLY',
      'MLFLOW_DEFAULT_ARTIFACT_ROOT',
      'MLFLOW_S3_ENDPOINT_URL',
      'MLFLOW_SERVE_ARTIFACTS',
    ],
    'expected the props artifacts and artifactAccess',
  ],
  [
    ['MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX'],
    'expected without it: the library sets it, so that no model version can claim files that are not its own',
  ],
  [['MLFLOW_SERVER_ALLOWED_HOSTS'], 'expected the prop allowedHosts, or an exposure with this host'],
  [['MLFLOW_SERVER_CORS_ALLOWED_ORIGINS'], 'expected the prop allowedOrigins'],
  [
    ['MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE'],
    'expected without it: it lets any web site use the server; name the hosts and origins in allowedHosts and allowedOrigins',
  ],
  [['MLFLOW_AUTH_ADMIN_USERNAME', 'MLFLOW_AUTH_CONFIG_PATH'], 'expected the prop authentication'],
  [['MLFLOW_WORKERS'], 'expected the prop workers'],
  [
    ['MLFLOW_STATIC_PREFIX'],
    'expected without it: a path prefix is not supported yet; give the server a host name of its own, in its exposure',
  ],
  [
    ['MLFLOW_SERVER_ENABLE_JOB_EXECUTION', 'MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS'],
    'expected without it: jobs are not supported yet, their processes would open more connections than the database has',
  ],
  [
    ['SPOOL_DIRECTORY', 'SPOOL_LIMIT_BYTES', 'TMPDIR', 'HOME'],
    'expected without it: the only folder to write to is /tmp; its size is the prop spool',
  ],
  [
    [
      'AUDIT_LOG',
      'AUTHORITY_FILE',
      'LOGIN_BY_PROXY',
      'MLFLOW_EXPOSE_PROMETHEUS',
      'MLFLOW_GUNICORN_OPTS',
      'MLFLOW_HOST',
      'MLFLOW_PORT',
      'MLFLOW_SECRETS_DIRECTORY',
      'MLFLOW_UVICORN_OPTS',
      'MLFLOW_WAITRESS_OPTS',
      'PROMETHEUS_MULTIPROC_DIR',
      'SERVED_APP',
      'prometheus_multiproc_dir',
    ],
    KEPT_BY_THE_LIBRARY,
  ],
];

/** What `environment` of a serving may not change. */
export const SERVING_VARIABLES: ReservedVariables = [
  [
    ['MLFLOW_TRACKING_URI', 'MODEL_ALIAS', 'MODEL_NAME', 'MODEL_STAGE', 'MODEL_VERSION', 'SERVING_NAME'],
    'expected without it: it comes from the props model and tracking',
  ],
  [['MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT'], 'expected the prop requestTimeout'],
  [['MAX_REQUEST_BYTES'], 'expected the prop maxRequestSize'],
  [['MAX_REQUESTS', 'MAX_REQUESTS_BYTES'], 'expected the prop maxConcurrentRequests'],
  [['START_SECONDS'], 'expected the prop startTimeout'],
  [['AUTHORITY_FILE', 'MLFLOW_SECRETS_DIRECTORY', 'POD_NAMESPACE'], 'expected without it: the library sets it'],
  [['MODEL_SPACE_BYTES'], 'expected the prop modelSpace'],
  [['DRAIN_SECONDS', 'LINGER_SECONDS'], 'expected the prop drainTimeout'],
  [['WARM_UP', 'WARM_UP_CONTENT_TYPE'], 'expected the prop warmUp'],
  [['ACCEPT_ANY_PYTHON'], 'expected the prop acceptAnyPython'],
  [
    ['MODEL_DIRECTORY', 'PACKAGES_DIRECTORY', 'REQUIREMENTS_INDEX_URL'],
    'expected without it: it comes from the prop runtime',
  ],
];

/** What `secretEnvironment` of a tracking server may not have besides: in `environment` it is refused as a secret. */
export const SERVER_SECRETS: ReservedVariables = [
  ...SERVER_VARIABLES,
  [
    ['MLFLOW_CRYPTO_KEK_PASSPHRASE', 'MLFLOW_FLASK_SERVER_SECRET_KEY', 'MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY'],
    "expected the prop keys, e.g. Credentials.fromSecret('mlflow-keys')",
  ],
  [['MLFLOW_AUTH_ADMIN_PASSWORD'], 'expected the prop authentication'],
  [['MYSQL_PWD', 'PGPASSFILE', 'PGPASSWORD'], 'expected the prop database, e.g. Database.fromExisting(…)'],
];

/** What `secretEnvironment` of a serving may not have. */
export const SERVING_SECRETS: ReservedVariables = [
  ...SERVING_VARIABLES,
  [
    ['MLFLOW_TRACKING_PASSWORD', 'MLFLOW_TRACKING_USERNAME'],
    "expected the prop tracking, e.g. TrackingEndpoint.fromUrl('http://…', { credentials: Credentials.fromSecret('login') })",
  ],
];

/** A rule for each variable of a prop that is reserved. MLflow's private ones are, with any name. */
export function reservedRules(
  environment: Record<string, unknown> = {},
  reserved: ReservedVariables,
  prop = 'environment',
): Rule[] {
  const insteadOf = new Map(reserved.flatMap(([names, instead]) => names.map((name) => [name, instead] as const)));
  return Object.keys(environment).map((name) => {
    const instead = insteadOf.get(name) ?? (name.startsWith('_MLFLOW') ? KEPT_BY_THE_LIBRARY : undefined);
    return { wrong: instead !== undefined, given: `${prop} has ${name}`, want: instead ?? '' };
  });
}
