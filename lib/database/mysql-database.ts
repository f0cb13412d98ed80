import { IDatabase } from './database';
import { DatabaseEngine } from './database-engine';
import { existingServerEgress, existingServerRules } from './existing-server';
import { mysqlConnection } from './mysql-client';
import { Credentials } from '../credentials/credentials';
import { Images } from '../images';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';
import { Rule, check, objectNameRule } from '../kubernetes/rules';

/** A database on an existing MySQL or MariaDB server. */
export interface MysqlDatabaseProps {
  /** Host name or address of the server. Of a cluster with several servers that accept writes, one server. */
  readonly host: string;
  /**
   * TCP port.
   * @default 3306
   */
  readonly port?: number;
  /**
   * Name of an existing database, with the character set `utf8mb4`, in which the user has all privileges. At most 64 letters,
   * digits, `_`, `-` and `.`, because it is part of the file names of dumps.
   * @default 'mlflow'
   */
  readonly databaseName?: string;
  /** The user: `Credentials.fromSecret(…)`, with the keys `username` and `password` unless it names others. */
  readonly credentials: Credentials;
  /**
   * How connections use TLS: `DISABLED`, `REQUIRED`, or with `authoritySecretName` `VERIFY_IDENTITY`, which compares the host
   * with the names in the server's certificate. The modes `PREFERRED` and `VERIFY_CA` are refused: MLflow's driver PyMySQL or
   * the programs that make dumps lack them.
   * @see https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
   * @default - `REQUIRED`; with `authoritySecretName` `VERIFY_IDENTITY`
   */
  readonly sslMode?: string;
  /**
   * Name of a Secret whose key `ca.crt` is the authority of the server's certificate.
   * @default - the certificate is not checked
   */
  readonly authoritySecretName?: string;
  /**
   * Name of a Secret whose keys `tls.crt` and `tls.key` (as cert-manager creates it) are the certificate that clients present,
   * for a user with `REQUIRE X509`. Refused with `sslMode: 'DISABLED'`.
   * @default - the password only
   */
  readonly clientCertificateSecretName?: string;
  /**
   * The number of connections that MLflow may open. If the servers can open more, synth fails.
   * @default - not checked
   */
  readonly maxConnections?: number;
  /**
   * Image with `mariadb-dump`, or with `mysqldump`, for the dump before a migration, and with `gzip`. For a MySQL server an image
   * of MySQL, of the server's version, e.g. `docker.io/library/mysql:8.4`.
   * @default Images.MARIADB
   */
  readonly clientImage?: string;
  /**
   * Addresses of the database in CIDR notation, for the NetworkPolicy.
   * @default - any address, on the database's port
   */
  readonly cidr?: string;
  /**
   * Destinations of the database that the NetworkPolicy lets the pods connect to, instead of `cidr`: e.g. the pods behind a
   * Service of an operator, by their labels. Give the port of those pods, not that of the Service.
   * @default - `cidr`, or any address, on the database's port
   */
  readonly egress?: EgressRule[];
}

/** @internal */
export class MysqlDatabase implements IDatabase {
  public readonly sharedByReplicas = true;
  public readonly engine: DatabaseEngine;
  public readonly clientImage: string;
  public readonly databaseName: string;
  private readonly clients: ConnectionClient[] = [];

  constructor(private readonly props: MysqlDatabaseProps) {
    this.clientImage = props.clientImage ?? Images.MARIADB;
    this.databaseName = props.databaseName ?? 'mlflow';
    this.engine = DatabaseEngine._mysql(this.databaseName);
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('Database.mysql', clientRules(client));
    this.clients.push(client);
    const { props } = this;
    check(client.name, [
      ...existingServerRules(props, Images.MARIADB, this.clients),
      nameRule(this.databaseName),
      ...tlsRules(props),
    ]);
    const port = props.port ?? 3306;
    return mysqlConnection({
      host: props.host,
      port,
      database: this.databaseName,
      login: props.credentials._existing('username', 'password'),
      sslMode: sslModeOf(props),
      authoritySecretName: props.authoritySecretName,
      certificateSecretName: props.clientCertificateSecretName,
      egress: existingServerEgress(props, port),
    });
  }

  public addDatabase(_name: string): void {
    // No other database is used: MLflow's own login is refused.
  }
}

function sslModeOf({ sslMode, authoritySecretName }: MysqlDatabaseProps): string {
  return sslMode ?? (authoritySecretName === undefined ? 'REQUIRED' : 'VERIFY_IDENTITY');
}

function nameRule(name: string): Rule {
  return {
    wrong:
      !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name) ||
      ['information_schema', 'mysql', 'performance_schema', 'sys'].includes(name.toLowerCase()),
    given: `databaseName is '${name}'`,
    want: "expected letters, digits, '_', '-' and '.', at most 64, and none of the server's own, e.g. 'mlflow'",
  };
}

function tlsRules(props: MysqlDatabaseProps): Rule[] {
  const { authoritySecretName, clientCertificateSecretName } = props;
  const sslMode = sslModeOf(props);
  const hasAuthority = authoritySecretName !== undefined;
  return [
    {
      wrong: !(hasAuthority ? ['VERIFY_IDENTITY'] : ['DISABLED', 'REQUIRED']).includes(sslMode),
      given: `sslMode is '${sslMode}'${hasAuthority ? ' and authoritySecretName is given' : ''}`,
      want: hasAuthority
        ? "expected 'VERIFY_IDENTITY', or no authoritySecretName"
        : "expected 'DISABLED' or 'REQUIRED'; 'VERIFY_IDENTITY' needs authoritySecretName",
    },
    {
      wrong: clientCertificateSecretName !== undefined && sslMode === 'DISABLED',
      given: "sslMode is 'DISABLED' and clientCertificateSecretName is given",
      want: "expected 'REQUIRED', or authoritySecretName: without TLS a client sends no certificate",
    },
    ...Object.entries({ authoritySecretName, clientCertificateSecretName }).flatMap(([prop, name]) =>
      name === undefined ? [] : [objectNameRule(prop, name)],
    ),
  ];
}
