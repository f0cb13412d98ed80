import { IDatabase } from './database';
import { DatabaseEngine } from './database-engine';
import { databaseNameRule } from './database-name-rule';
import { IDataVolume } from '../component/data-volume';
import { Images } from '../images';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { check, wholeRule } from '../kubernetes/rules';

/** A database in a file on a volume. */
export interface SqliteDatabaseProps {
  /** The volume: the files are in its folder `database`. `ArtifactStore.volume(…)` can use the same one. */
  readonly volume: IDataVolume;
  /**
   * Name of MLflow's database: the file `<databaseName>.db`.
   * @default 'mlflow'
   */
  readonly databaseName?: string;
  /**
   * Copies of each file that are kept on the volume, in the folder `database/copies`. Each upgrade of the schema makes one
   * before it.
   * @default 3 copies
   */
  readonly copies?: number;
}

/** @internal */
export class SqliteDatabase implements IDatabase {
  public readonly sharedByReplicas = false;
  public readonly databaseName: string;
  public readonly engine: DatabaseEngine;
  /** Not used: no other pod can connect. */
  public readonly clientImage = Images.POSTGRES;
  private readonly directory: string;

  constructor(private readonly props: SqliteDatabaseProps) {
    this.databaseName = props.databaseName ?? 'mlflow';
    this.directory = `${props.volume.directory}/database`;
    this.engine = DatabaseEngine._sqlite(this.directory, this.databaseName);
  }

  public connectFrom(client: ConnectionClient): Connection {
    const { volume, copies = 3 } = this.props;
    check('Database.sqlite', clientRules(client));
    check(client.name, [databaseNameRule(this.databaseName), wholeRule('copies', copies, 1)]);
    return {
      environment: {
        DATABASE_MODULE: 'sqlite_files',
        DATABASE_NAME: this.databaseName,
        SQLITE_DIRECTORY: this.directory,
        SQLITE_COPIES: String(copies),
      },
      claims: [volume.mountFrom(client)],
      egress: [],
    };
  }

  public addDatabase(_name: string): void {
    // The migration creates its file.
  }
}
