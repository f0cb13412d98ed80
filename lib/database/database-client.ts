import { LoginReference } from '../credentials/credentials';
import { Connection, SecretFiles } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/** Path of the database's certificate authority in a client's container. */
const AUTHORITY_DIRECTORY = '/etc/mlflow-database';

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly login: LoginReference;
  /** Secret and key of the certificate authority that the server's certificate must come from. */
  readonly authority?: { readonly secretName: string; readonly key: string };
  /** `PGSSLMODE` without a certificate authority. */
  readonly sslMode?: string;
  readonly egress: EgressRule[];
}

/**
 * If the other end goes away silently, as with its node, a query would wait for some fifteen minutes, and every
 * connection of a pool once more. Bytes that are not acknowledged for 20 s end the connection; a long query does not.
 */
const KEEPALIVE = 'keepalives_idle=20&keepalives_interval=5&keepalives_count=4&tcp_user_timeout=20000';

/**
 * SQLAlchemy's URI. It names at most the database: everything else comes from `databaseConnection`'s environment, but
 * for what libpq has no variables for.
 */
export function databaseUri(database?: string): string {
  return `postgresql+psycopg2://${database === undefined ? '' : `/${database}`}?${KEEPALIVE}`;
}

/** libpq's own variables: the URI has none of it, and no password needs escaping or shows anywhere. */
export function databaseConnection(address: DatabaseAddress): Connection {
  const { login, authority } = address;
  const sslMode = authority ? 'verify-full' : address.sslMode;
  const files: SecretFiles[] = authority
    ? [{ secretName: authority.secretName, keys: [authority.key], directory: AUTHORITY_DIRECTORY }]
    : [];
  return {
    environment: {
      PGHOST: address.host,
      PGPORT: String(address.port),
      PGDATABASE: address.database,
      PGCONNECT_TIMEOUT: '10',
      ...(sslMode && { PGSSLMODE: sslMode }),
      ...(authority && { PGSSLROOTCERT: `${AUTHORITY_DIRECTORY}/${authority.key}` }),
    },
    secretVariables: [
      { variable: 'PGUSER', secretName: login.secretName, key: login.usernameKey },
      { variable: 'PGPASSWORD', secretName: login.secretName, key: login.passwordKey },
    ],
    secretFiles: files,
    egress: address.egress,
  };
}
