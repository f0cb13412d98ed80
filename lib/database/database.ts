import { DatabaseEngine } from './database-engine';
import { Connection, ConnectionClient } from '../kubernetes/connection';

/** Where MLflow stores runs and the registry: a database of PostgreSQL, MySQL or MariaDB, or SQLite files. */
export interface IDatabase {
  /** True if several servers can use it at once. */
  readonly sharedByReplicas: boolean;

  /** What kind of database it is. */
  readonly engine: DatabaseEngine;

  /** Name of the database of runs. */
  readonly databaseName: string;

  /** Image with a `pg_dump`, or `mariadb-dump`, that is not older than the server. */
  readonly clientImage: string;

  /**
   * Host of a read-only copy of the database, from which the servers read: on the same port, with the same login, the same
   * names of databases and the same settings of TLS.
   * @default - all queries go to the database itself
   */
  readonly readReplicaHost?: string;

  /**
   * Registers a client and the number of its connections. Returns what its pods need to connect.
   *
   * @param client the workload that connects
   */
  connectFrom(client: ConnectionClient): Connection;

  /**
   * A further database of the same owner, e.g. for MLflow's own users and permissions.
   *
   * @param name the database's name
   */
  addDatabase(name: string): void;
}
