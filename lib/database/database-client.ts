import { isIP } from 'net';
import { LoginReference } from '../credentials/credentials';
import { Connection, SecretFiles } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/** Path of the database's certificate authority in a client's container. */
const AUTHORITY_DIRECTORY = '/etc/mlflow-database';
/** Path of the client's own certificate in its container. */
const CERTIFICATE_DIRECTORY = '/etc/mlflow-database-client';

export interface DatabaseAddress {
  readonly host: string;
  /** Further hosts of the same database, of which one at a time accepts writes. */
  readonly otherHosts?: string[];
  readonly port: number;
  readonly database: string;
  readonly login: LoginReference;
  /** Secret and key of the certificate authority that the server's certificate must come from. */
  readonly authority?: { readonly secretName: string; readonly key: string };
  /**
   * `PGSSLMODE`.
   * @default - `verify-full` with a certificate authority
   */
  readonly sslMode?: string;
  /** Secret whose keys `tls.crt` and `tls.key` are the client's certificate. */
  readonly certificateSecretName?: string;
  readonly egress: EgressRule[];
}

/**
 * If the server disappears without closing its connections, e.g. because its node fails, each connection of a pool would
 * wait for some 15 minutes. With these settings a connection ends if sent bytes are not acknowledged for 20 s; a long query
 * does not end it.
 */
const KEEPALIVE = 'keepalives_idle=20&keepalives_interval=5&keepalives_count=4&tcp_user_timeout=20000';

/**
 * SQLAlchemy's URI. It contains at most the name of the database, and settings for which libpq has no variable. The
 * environment of `databaseConnection` sets everything else.
 */
export function databaseUri(database?: string): string {
  return `postgresql+psycopg2://${database === undefined ? '' : `/${database}`}?${KEEPALIVE}`;
}

/**
 * The URI of a read replica, for MLflow's server and for libpq. Its host replaces `PGHOST`. The other variables of libpq
 * apply to it too, except for the one that refuses a standby.
 */
export function readReplicaUri(host: string): string {
  return `postgresql+psycopg2://${isIP(host) === 6 ? `[${host}]` : host}?${KEEPALIVE}&target_session_attrs=any`;
}

/** The environment variables of libpq. They keep the password out of the URI, so it needs no escaping and is not logged. */
export function databaseConnection(address: DatabaseAddress): Connection {
  const { login, authority, certificateSecretName, otherHosts = [] } = address;
  const sslMode = address.sslMode ?? (authority && 'verify-full');
  const files: SecretFiles[] = [];
  if (authority) {
    files.push({ secretName: authority.secretName, keys: [authority.key], directory: AUTHORITY_DIRECTORY });
  }
  if (certificateSecretName) {
    const keys = ['tls.crt', 'tls.key'];
    files.push({ secretName: certificateSecretName, keys, directory: CERTIFICATE_DIRECTORY });
  }
  return {
    environment: {
      PGHOST: [address.host, ...otherHosts].join(','),
      PGPORT: String(address.port),
      PGDATABASE: address.database,
      PGCONNECT_TIMEOUT: '10',
      ...(sslMode && { PGSSLMODE: sslMode }),
      ...(authority && { PGSSLROOTCERT: `${AUTHORITY_DIRECTORY}/${authority.key}` }),
      ...(certificateSecretName && {
        PGSSLCERT: `${CERTIFICATE_DIRECTORY}/tls.crt`,
        PGSSLKEY: `${CERTIFICATE_DIRECTORY}/tls.key`,
      }),
      // Without it, a standby would accept the connection, and MLflow's first write would fail.
      ...(otherHosts.length > 0 && { PGTARGETSESSIONATTRS: 'read-write' }),
    },
    secretVariables: [
      { variable: 'PGUSER', secretName: login.secretName, key: login.usernameKey },
      { variable: 'PGPASSWORD', secretName: login.secretName, key: login.passwordKey },
    ],
    secretFiles: files,
    egress: address.egress,
  };
}
