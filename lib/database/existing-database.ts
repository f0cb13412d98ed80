import { Credentials } from '../credentials/credentials';
import { Images } from '../images';
import { IDatabase } from './database';
import { databaseConnection } from './database-client';
import { DatabaseEngine } from './database-engine';
import { existingDatabaseNameRule } from './database-name-rule';
import { existingServerEgress, existingServerRules, hostRule } from './existing-server';
import { MysqlDatabase, MysqlDatabaseProps } from './mysql-database';
import { SqliteDatabase, SqliteDatabaseProps } from './sqlite-database';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';
import { Rule, check, objectNameRule } from '../kubernetes/rules';

/** An existing PostgreSQL. */
export interface ExistingDatabaseProps {
  /** Host name or address: `PGHOST`. */
  readonly host: string;
  /**
   * Further host names or addresses of the same database, e.g. its standbys, on the same port: `PGHOST` is all of them, with
   * commas. A client tries them in order, each for 10 s at most, and uses the first that accepts writes:
   * `PGTARGETSESSIONATTRS=read-write`.
   * @see https://www.postgresql.org/docs/17/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
   * @default - none
   */
  readonly otherHosts?: string[];
  /**
   * Host name or address of a read replica (a hot standby), from which the servers read:
   * `MLFLOW_READ_REPLICA_BACKEND_STORE_URI`. Its port, login, settings of TLS and names of databases are those of `host`, and
   * `cidr` or `egress` must include it. MLflow reads what it has just written, e.g. the experiment of a new run: if the replica
   * is behind, the server answers 404, and 503 if it is away. Servers do not start while it is away. The migration and backups
   * use `host` only.
   * @see https://mlflow.org/docs/latest/self-hosting/architecture/backend-store/
   * @default - none
   */
  readonly readReplicaHost?: string;
  /**
   * TCP port: `PGPORT`.
   * @default 5432
   */
  readonly port?: number;
  /**
   * Name of an existing database that the role owns: `PGDATABASE`. Only letters, digits, `_`, `-` and `.`, because it is
   * part of the file names of dumps.
   * @default 'mlflow'
   */
  readonly databaseName?: string;
  /** The role: `Credentials.fromSecret(…)`, with the keys `username` and `password` unless it names others. */
  readonly credentials: Credentials;
  /**
   * `PGSSLMODE`: `disable`, `allow`, `prefer` or `require`. With `authoritySecretName` it is `verify-full`, or `verify-ca`,
   * which does not compare the host with the names in the server's certificate.
   * @see https://www.postgresql.org/docs/17/libpq-ssl.html#LIBPQ-SSL-PROTECTION
   * @default - `require`; with `authoritySecretName` `verify-full`
   */
  readonly sslMode?: string;
  /**
   * Name of a Secret whose key `ca.crt` is the authority of the server's certificate.
   * @default - the certificate is not checked
   */
  readonly authoritySecretName?: string;
  /**
   * Name of a Secret whose keys `tls.crt` and `tls.key` (as cert-manager creates it) are the certificate with which clients
   * log in: `PGSSLCERT` and `PGSSLKEY`. A renewed certificate takes effect with the next connection. Refused with an
   * `sslMode` that allows connections without TLS. `credentials` are still required: they name the role, and a server that
   * asks only for the certificate (`cert` in `pg_hba.conf`) ignores the password.
   * @default - the password only
   */
  readonly clientCertificateSecretName?: string;
  /**
   * The number of connections that MLflow may open. If the servers can open more, synth fails. With `readReplicaHost` it
   * applies to each of the two servers: MLflow's servers open as many connections to the replica as to `host`.
   * @default - not checked
   */
  readonly maxConnections?: number;
  /**
   * Image with a `pg_dump` that is not older than the server, for the dump before a migration.
   * @default Images.POSTGRES
   */
  readonly clientImage?: string;
  /**
   * Addresses of the database in CIDR notation, for the NetworkPolicy.
   * @default - any address, on the database's port
   */
  readonly cidr?: string;
  /**
   * Destinations of the database that the NetworkPolicy lets the pods connect to, instead of `cidr`: e.g. the pods behind a
   * Service of an operator, by their labels. Give the port of those pods, not that of the Service: PgBouncer's pods often
   * listen on 6432 behind 5432.
   * @default - `cidr`, or any address, on the database's port
   */
  readonly egress?: EgressRule[];
}

/** Databases without a server of the library's own. */
export class Database {
  /**
   * An existing PostgreSQL, e.g. a cloud's, or one in the cluster.
   *
   * @param props the address, the login and the limits of the database
   */
  public static fromExisting(props: ExistingDatabaseProps): IDatabase {
    checkInputs('Database.fromExisting', { props });
    return new ExistingDatabase(props);
  }

  /**
   * SQLite files on a volume, for a laptop or a small team: the platform has one server, whose own pod upgrades the schema
   * before it starts, after a copy of the file. Not on a network file system.
   *
   * @param props the volume, and what is kept on it
   */
  public static sqlite(props: SqliteDatabaseProps): IDatabase {
    checkInputs('Database.sqlite', { props });
    return new SqliteDatabase(props);
  }

  /**
   * A database on an existing MySQL or MariaDB server. `Authentication.mlflow()`, `Backup` and `GarbageCollection` are refused
   * with it. SQL Server, which MLflow supports too, is not supported.
   *
   * @param props the address, the login and the limits of the database
   */
  public static mysql(props: MysqlDatabaseProps): IDatabase {
    checkInputs('Database.mysql', { props });
    return new MysqlDatabase(props);
  }

  private constructor() {}
}

class ExistingDatabase implements IDatabase {
  public readonly sharedByReplicas = true;
  public readonly engine = DatabaseEngine.POSTGRESQL;
  public readonly clientImage: string;
  public readonly databaseName: string;
  public readonly readReplicaHost?: string;
  private readonly clients: ConnectionClient[] = [];

  constructor(private readonly props: ExistingDatabaseProps) {
    this.clientImage = props.clientImage ?? Images.POSTGRES;
    this.databaseName = props.databaseName ?? 'mlflow';
    this.readReplicaHost = props.readReplicaHost;
  }

  public connectFrom(client: ConnectionClient): Connection {
    check('Database.fromExisting', clientRules(client));
    this.clients.push(client);
    const { props } = this;
    check(client.name, rules(props, this.clients));
    const port = props.port ?? 5432;
    return databaseConnection({
      host: props.host,
      otherHosts: props.otherHosts,
      port,
      database: this.databaseName,
      login: props.credentials._existing('username', 'password'),
      authority: props.authoritySecretName ? { secretName: props.authoritySecretName, key: 'ca.crt' } : undefined,
      sslMode: sslModeOf(props),
      certificateSecretName: props.clientCertificateSecretName,
      egress: existingServerEgress(props, port),
    });
  }

  public addDatabase(_name: string): void {
    // The owner of the server creates this database, as documented at Authentication.mlflow().
  }
}

function sslModeOf({ sslMode, authoritySecretName }: ExistingDatabaseProps): string {
  return sslMode ?? (authoritySecretName === undefined ? 'require' : 'verify-full');
}

function rules(props: ExistingDatabaseProps, clients: ConnectionClient[]): Rule[] {
  const { otherHosts = [], readReplicaHost } = props;
  return [
    ...otherHosts.map((host) => hostRule('otherHosts', host)),
    ...(readReplicaHost === undefined ? [] : [hostRule('readReplicaHost', readReplicaHost)]),
    {
      wrong: readReplicaHost === props.host,
      given: `readReplicaHost is '${readReplicaHost}', which is host too`,
      want: "expected the host of a read-only copy, e.g. 'db-ro.example.com', or no prop",
    },
    {
      wrong: new Set([props.host, ...otherHosts]).size <= otherHosts.length,
      given: `the database's hosts are ${[props.host, ...otherHosts].map((host) => `'${host}'`).join(', ')}`,
      want: 'expected each host once',
    },
    existingDatabaseNameRule(props.databaseName ?? 'mlflow'),
    ...existingServerRules(props, Images.POSTGRES, clients),
    ...tlsRules(props),
  ];
}

function tlsRules(props: ExistingDatabaseProps): Rule[] {
  const { authoritySecretName, clientCertificateSecretName } = props;
  const sslMode = sslModeOf(props);
  const withoutTls = ['disable', 'allow', 'prefer'];
  const allowed = authoritySecretName === undefined ? [...withoutTls, 'require'] : ['verify-ca', 'verify-full'];
  return [
    {
      wrong: !allowed.includes(sslMode),
      given: `sslMode is '${sslMode}'${authoritySecretName === undefined ? '' : ' and authoritySecretName is given'}`,
      want:
        authoritySecretName === undefined
          ? "expected 'disable', 'allow', 'prefer' or 'require'; 'verify-ca' and 'verify-full' need authoritySecretName"
          : "expected 'verify-full' or 'verify-ca'",
    },
    {
      wrong: clientCertificateSecretName !== undefined && withoutTls.includes(sslMode),
      given: `sslMode is '${sslMode}' and clientCertificateSecretName is given`,
      want: "expected 'require', or authoritySecretName: without TLS a client sends no certificate",
    },
    ...Object.entries({ authoritySecretName, clientCertificateSecretName }).flatMap(([prop, name]) =>
      name === undefined ? [] : [objectNameRule(prop, name)],
    ),
  ];
}
