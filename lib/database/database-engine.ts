import { databaseUri } from './database-client';
import { mysqlUri } from './mysql-client';

/** What kind of database MLflow uses: how its URIs look, and what may change its schema. */
export class DatabaseEngine {
  /** A PostgreSQL that any pod can connect to, by the environment variables of libpq. A Job upgrades its schema. */
  public static readonly POSTGRESQL = new DatabaseEngine('postgresql', databaseUri);

  /**
   * SQLite files, each named after its database, in a folder of a volume.
   *
   * @internal
   */
  public static _sqlite(directory: string, databaseName: string): DatabaseEngine {
    return new DatabaseEngine('sqlite', (database = databaseName) => `sqlite:///${directory}/${database}.db`);
  }

  /**
   * A database on a MySQL or MariaDB server that any pod can connect to. A Job upgrades its schema.
   *
   * @internal
   */
  public static _mysql(databaseName: string): DatabaseEngine {
    return new DatabaseEngine('mysql', (database = databaseName) => mysqlUri(database));
  }

  private constructor(
    /** @internal */
    public readonly _kind: 'mysql' | 'postgresql' | 'sqlite',
    /** SQLAlchemy's URI of a database, or of that of runs. @internal */
    public readonly _uriOf: (database?: string) => string,
  ) {}

  /** True if only the server's own pod can open it: its schema is upgraded there, before MLflow starts. @internal */
  public get _isInPod(): boolean {
    return this._kind === 'sqlite';
  }

  /** True if it is a MySQL or MariaDB server. @internal */
  public get _isMysql(): boolean {
    return this._kind === 'mysql';
  }
}
