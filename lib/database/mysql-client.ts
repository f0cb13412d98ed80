import { LoginReference } from '../credentials/credentials';
import { Connection, SecretFiles } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';

/** Path of the database's certificate authority in a client's container. */
const AUTHORITY_DIRECTORY = '/etc/mlflow-database';
/** Path of the client's own certificate in its container. */
const CERTIFICATE_DIRECTORY = '/etc/mlflow-database-client';

export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly login: LoginReference;
  readonly sslMode: string;
  readonly authoritySecretName?: string;
  readonly certificateSecretName?: string;
  readonly egress: EgressRule[];
}

/** SQLAlchemy's URI. It contains only the name of the database: runtime/mlflow/mysql_database.py adds the rest. */
export function mysqlUri(database: string): string {
  return `mysql+pymysql:///${database}`;
}

/** Named as the variables that MySQL's own programs read. The driver reads none: mysql_database.py does. */
export function mysqlConnection(address: MysqlAddress): Connection {
  const { login, authoritySecretName, certificateSecretName } = address;
  const files: SecretFiles[] = [];
  if (authoritySecretName) {
    files.push({ secretName: authoritySecretName, keys: ['ca.crt'], directory: AUTHORITY_DIRECTORY });
  }
  if (certificateSecretName) {
    files.push({ secretName: certificateSecretName, keys: ['tls.crt', 'tls.key'], directory: CERTIFICATE_DIRECTORY });
  }
  return {
    environment: {
      DATABASE_MODULE: 'mysql_database',
      DATABASE_NAME: address.database,
      MYSQL_HOST: address.host,
      MYSQL_TCP_PORT: String(address.port),
      MYSQL_SSL_MODE: address.sslMode,
      ...(authoritySecretName && { MYSQL_SSL_CA: `${AUTHORITY_DIRECTORY}/ca.crt` }),
      ...(certificateSecretName && {
        MYSQL_SSL_CERT: `${CERTIFICATE_DIRECTORY}/tls.crt`,
        MYSQL_SSL_KEY: `${CERTIFICATE_DIRECTORY}/tls.key`,
      }),
    },
    secretVariables: [
      { variable: 'MYSQL_USER', secretName: login.secretName, key: login.usernameKey },
      { variable: 'MYSQL_PWD', secretName: login.secretName, key: login.passwordKey },
    ],
    secretFiles: files,
    egress: address.egress,
  };
}
