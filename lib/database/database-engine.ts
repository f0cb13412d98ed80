import { databaseUri } from './database-client';

/** What kind of database MLflow uses: how its URIs look, and what may change its schema. */
export class DatabaseEngine {
  /** A PostgreSQL that any pod can connect to, by the environment variables of libpq. A Job upgrades its schema. */
  public static readonly POSTGRESQL = new DatabaseEngine(databaseUri, false);

  /**
   * SQLite files, each named after its database, in a folder of a volume.
   *
   * @internal
   */
  public static _sqlite(directory: string, databaseName: string): DatabaseEngine {
    return new DatabaseEngine((database = databaseName) => `sqlite:///${directory}/${database}.db`, true);
  }

  private constructor(
    /** SQLAlchemy's URI of a database, or of that of runs. @internal */
    public readonly _uriOf: (database?: string) => string,
    /** True if only the server's own pod can open it: its schema is upgraded there, before MLflow starts. @internal */
    public readonly _isInPod: boolean,
  ) {}
}
