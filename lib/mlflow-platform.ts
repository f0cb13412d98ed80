import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { Authentication } from './access/authentication';
import { Exposure } from './access/exposure';
import { IArtifactStore } from './artifacts/artifact-store';
import { MinioStore } from './artifacts/minio-store';
import { MinioStoreProps } from './artifacts/minio-store-props';
import { IDatabase } from './database/database';
import { PostgresStatefulSet } from './database/postgres-stateful-set';
import { PostgresStatefulSetProps } from './database/postgres-stateful-set-props';
import { findApiObject } from './kubernetes/api-object';
import { declareInstance } from './kubernetes/instance';
import { PlacementOptions, placementRules } from './kubernetes/pod-options';
import { check, nameRule } from './kubernetes/rules';
import { MIGRATION_SUFFIX } from './operations/migration';
import { TrackingServer } from './tracking/tracking-server';
import { TrackingServerOptions } from './tracking/tracking-server-props';

/** Options of a whole platform. */
export interface MlflowPlatformProps {
  /**
   * Who may come in: nginx's login, MLflow's own, or none.
   * @default Authentication.basic()
   */
  readonly authentication?: Authentication;
  /**
   * How people outside the cluster reach the platform: an Ingress, or nothing.
   * @default Exposure.none()
   */
  readonly exposure?: Exposure;
  /**
   * Where runs and the registry are kept: MLflow's `--backend-store-uri`.
   * @default - a PostgresStatefulSet `<platform>-postgres`, with the options `postgres`
   */
  readonly database?: IDatabase;
  /**
   * Where models and files lie: MLflow's `--artifacts-destination`.
   * @default - a MinioStore `<platform>-minio`, with the options `minio`
   */
  readonly artifacts?: IArtifactStore;
  /**
   * Options of the embedded PostgreSQL; not together with `database`.
   * @default - its own defaults
   */
  readonly postgres?: PostgresStatefulSetProps;
  /**
   * Options of the embedded MinIO; not together with `artifacts`.
   * @default - its own defaults
   */
  readonly minio?: MinioStoreProps;
  /**
   * Options of the tracking server, the Deployment `<platform>-server`.
   * @default - its own defaults
   */
  readonly server?: TrackingServerOptions;
  /**
   * Options for every pod of the platform, its Jobs included; a component's own come first.
   * @default - none
   */
  readonly pods?: PlacementOptions;
}

/** The longest name of ours below a platform: `<platform>-server-migration-<hash>`. */
const LONGEST_SUFFIX = `-server${MIGRATION_SUFFIX}`;

/**
 * A whole MLflow platform: database, artifact store, tracking server with its login, migration and credentials. Its id
 * is the first part of every resource's name.
 */
export class MlflowPlatform extends Construct {
  /** Where runs and the registry are kept. */
  public readonly database: IDatabase;
  /** Where models and files lie. */
  public readonly artifacts: IArtifactStore;
  /** The tracking server. */
  public readonly server: TrackingServer;

  constructor(scope: Construct, id: string, props: MlflowPlatformProps = {}) {
    super(scope, id);
    check(this, [
      ...placementRules(props.pods),
      nameRule('the id of the platform', id, LONGEST_SUFFIX),
      onlyOne('database', props.database, 'postgres', props.postgres),
      onlyOne('artifacts', props.artifacts, 'minio', props.minio),
      onlyOne('authentication', props.authentication, 'server.authentication', props.server?.authentication),
      onlyOne('exposure', props.exposure, 'server.exposure', props.server?.exposure),
    ]);
    declareInstance(this, id, props.pods ?? {});
    this.database = props.database ?? new PostgresStatefulSet(this, 'postgres', props.postgres);
    this.artifacts = props.artifacts ?? new MinioStore(this, 'minio', props.minio);
    this.server = new TrackingServer(this, 'server', {
      ...props.server,
      database: this.database,
      artifacts: this.artifacts,
      authentication: props.authentication ?? props.server?.authentication,
      exposure: props.exposure ?? props.server?.exposure,
    });
  }

  /**
   * One of the platform's Kubernetes objects, for what no prop foresees: those of its components after their ids, e.g.
   * `postgres/stateful-set` or `server/deployment`, and those of the Job that makes the Secrets: `credentials/job`,
   * `credentials/config-map`, `credentials/role`, `credentials/role-binding`, `credentials/service-account` and
   * `credentials/network-policy`.
   *
   * @param id the object's construct id; an unknown one is refused with the list of those there are
   */
  public apiObject(id: string): ApiObject {
    return findApiObject(this, id);
  }
}

function onlyOne(what: string, value: unknown, other: string, otherValue: unknown) {
  return {
    wrong: value !== undefined && otherValue !== undefined,
    given: `${what} and ${other} are both given`,
    want: 'want one of the two',
  };
}
