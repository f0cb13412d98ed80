import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { IArtifactStore } from './artifacts/artifact-store';
import { MinioStore } from './artifacts/minio-store';
import { MinioStoreProps } from './artifacts/minio-store-props';
import { AuthorityOptions } from './component/authority-options';
import { declareInstance } from './component/instance';
import { ObjectMetadataOptions, objectMetadataRules } from './component/object-metadata';
import { PlacementOptions, mergePlacement, placementRules } from './component/pod-options';
import { IDatabase } from './database/database';
import { PostgresStatefulSet } from './database/postgres-stateful-set';
import { PostgresStatefulSetProps } from './database/postgres-stateful-set-props';
import { Exposure } from './exposure/exposure';
import { checkInputs, checkedScope, defined } from './inputs/inputs';
import { findApiObject } from './kubernetes/find-api-object';
import { setMetadata } from './kubernetes/manifest';
import { check, nameRule } from './kubernetes/rules';
import { Backup } from './operations/backup';
import { BackupOptions } from './operations/backup-props';
import { GarbageCollection } from './operations/garbage-collection';
import { GarbageCollectionOptions } from './operations/garbage-collection-props';
import { ModelDeployer, deployerRules } from './serving/model-deployer';
import { ModelDeployerOptions } from './serving/model-deployer-props';
import { ModelServing } from './serving/model-serving';
import { PlatformServingOptions } from './serving/model-serving-props';
import { TrackingEndpoint } from './serving/tracking-endpoint';
import { Authentication } from './tracking/authentication';
import { MIGRATION_SUFFIX } from './tracking/migration';
import { TrackingServer } from './tracking/tracking-server';
import { TrackingServerOptions } from './tracking/tracking-server-props';

/** Options of a whole platform. */
export interface MlflowPlatformProps extends ObjectMetadataOptions, AuthorityOptions {
  /**
   * How users log in: through nginx, through MLflow, or without a login.
   * @default Authentication.basic()
   */
  readonly authentication?: Authentication;
  /**
   * How people outside the cluster reach the platform: an Ingress, an HTTPRoute, or nothing.
   * @default Exposure.none()
   */
  readonly exposure?: Exposure;
  /**
   * Where runs and the registry are kept: MLflow's `--backend-store-uri`.
   * @default - a PostgresStatefulSet `<platform>-postgres`, with the options `postgres`
   */
  readonly database?: IDatabase;
  /**
   * Where MLflow stores artifacts: `--artifacts-destination`.
   * @default - a MinioStore `<platform>-minio`, with the options `minio`
   */
  readonly artifacts?: IArtifactStore;
  /**
   * Options of the embedded PostgreSQL. Not together with `database`.
   * @default - the defaults of PostgresStatefulSetProps
   */
  readonly postgres?: PostgresStatefulSetProps;
  /**
   * Options of the embedded MinIO. Not together with `artifacts`.
   * @default - the defaults of MinioStoreProps
   */
  readonly minio?: MinioStoreProps;
  /**
   * Options of the tracking server, the Deployment `<platform>-server`.
   * @default - the defaults of TrackingServerOptions
   */
  readonly server?: TrackingServerOptions;
  /**
   * Options of the deployer, the Deployment `<platform>-deployer`, which is created if a serving follows an alias or a
   * stage.
   * @default - the defaults of ModelDeployerOptions
   */
  readonly deployer?: ModelDeployerOptions;
  /**
   * Backs up the databases and the artifact store, on a schedule: the CronJob `<platform>-backup`, with `<platform>-restore`
   * which you start by hand, and `<platform>-restore-drill`.
   * @default - no backup
   */
  readonly backup?: BackupOptions;
  /**
   * Removes for good the runs, models and experiments that were deleted in MLflow, on a schedule: the CronJob
   * `<platform>-garbage-collection`.
   * @default - deleted runs, models and experiments stay, with their artifacts
   */
  readonly garbageCollection?: GarbageCollectionOptions;
  /**
   * Options for every pod of the platform, its servings and Jobs included. A component's own take precedence.
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
  /** Where MLflow stores artifacts: `--artifacts-destination`. */
  public readonly artifacts: IArtifactStore;
  /** The tracking server. */
  public readonly server: TrackingServer;
  /** The backup, if the platform has one. */
  public readonly backup?: Backup;
  /** The garbage collection, if the platform has one. */
  public readonly garbageCollection?: GarbageCollection;

  /** Servings, wherever their charts are. */
  private readonly served = new Set<ModelServing>();
  private readonly pods: PlacementOptions;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the platform and is the first part of every resource's name: a DNS label
   * @param props options of the platform. Each has a default, so `{}` is enough
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: MlflowPlatformProps = {},
  ) {
    super(checkedScope('MlflowPlatform', scope, id), id);
    checkInputs('new MlflowPlatform', { scope, id, props }, this);
    check(this, [
      ...objectMetadataRules(props),
      ...placementRules(props.pods),
      ...(props.authority?._rules ?? []),
      nameRule('the id of the platform', id, LONGEST_SUFFIX),
      onlyOne('database', props.database, 'postgres', props.postgres),
      onlyOne('artifacts', props.artifacts, 'minio', props.minio),
      ...deployerRules(props.deployer, 'deployer.'),
    ]);
    const { labels, annotations, authority } = props;
    this.pods = mergePlacement({ labels, annotations, authority }, props.pods);
    declareInstance(this, id, this.pods);
    setMetadata(this, this.pods);
    this.database = props.database ?? new PostgresStatefulSet(this, 'postgres', props.postgres);
    this.artifacts = props.artifacts ?? new MinioStore(this, 'minio', props.minio);
    this.server = new TrackingServer(this, 'server', {
      ...props.server,
      database: this.database,
      artifacts: this.artifacts,
      authentication: props.authentication,
      exposure: props.exposure,
    });
    this.node.defaultChild = this.server;
    const { server } = this;
    if (props.backup) this.backup = new Backup(this, 'backup', { ...props.backup, server });
    if (props.garbageCollection) {
      this.garbageCollection = new GarbageCollection(this, 'garbage-collection', {
        ...props.garbageCollection,
        server,
      });
    }
  }

  /**
   * Serves a registered model: Deployment and Service `<id>-serving`. If it follows an alias or a stage, the platform's
   * deployer follows that.
   *
   * @param id first part of its names
   * @param options model, runtime and resources, and its chart if that is not the platform's
   */
  public addModelServing(id: string, options: PlatformServingOptions): ModelServing {
    checkInputs('MlflowPlatform#addModelServing', { id, options }, this);
    const { chart, ...rest } = options;
    const scope = chart ?? childOf(this, 'servings');
    check(this, [
      {
        wrong: scope.node.tryFindChild(id) !== undefined,
        given: `a serving '${id}' exists already`,
        want: 'expected another id for one of the two, or a chart with a namespace of its own',
      },
    ]);
    const placement = defined(mergePlacement(this.pods, rest));
    const tracking = TrackingEndpoint.fromServer(this.server);
    const serving = new ModelServing(scope, id, { ...rest, ...placement, tracking });
    this.served.add(serving);
    if (serving.model.version === undefined) this.follow(serving);
    return serving;
  }

  /**
   * Has the platform's deployer follow the alias or stage of a serving that `addModelServing` did not create.
   *
   * @param serving one with `RegisteredModel.byAlias` or `byStage`, in the same app
   */
  public follow(serving: ModelServing): void {
    checkInputs('MlflowPlatform#follow', { serving }, this);
    const tracking = TrackingEndpoint.fromServer(this.server);
    const deployer = this.foundDeployer ?? new ModelDeployer(this, 'deployer', { ...this.props.deployer, tracking });
    deployer.follow(serving);
    this.served.add(serving);
  }

  /** What alerts are about: all below the platform, and its parts in other places of the tree. @internal */
  public _monitored(): readonly unknown[] {
    return [this, this.database, this.artifacts, ...this.served];
  }

  /**
   * The platform's deployer: it exists if a serving follows an alias or a stage. Reading it before that is refused.
   */
  public get deployer(): ModelDeployer {
    const { foundDeployer } = this;
    check(this, [
      {
        wrong: foundDeployer === undefined,
        given: 'the platform has no deployer, because no serving follows an alias or a stage',
        want: "expected addModelServing('churn', { model: RegisteredModel.byAlias('churn', 'champion') }) before it is read",
      },
    ]);
    return foundDeployer!;
  }

  /**
   * Returns one Kubernetes object of the platform, to change a field that no prop sets. Objects of components follow the
   * component's id, e.g. `postgres/stateful-set`, `server/deployment`, `deployer/deployment` or
   * `servings/churn/deployment`. The Job that creates the Secrets has `credentials/job`, `credentials/config-map`,
   * `credentials/role`, `credentials/role-binding`, `credentials/service-account` and `credentials/network-policy`.
   * `node.defaultChild` is the server.
   *
   * @param id the object's construct id. An unknown one is refused with the list of the existing ones
   */
  public apiObject(id: string): ApiObject {
    checkInputs('MlflowPlatform#apiObject', { id }, this);
    return findApiObject(this, id);
  }

  private get foundDeployer(): ModelDeployer | undefined {
    return this.node.tryFindChild('deployer') as ModelDeployer | undefined;
  }
}

function childOf(scope: Construct, id: string): Construct {
  return scope.node.tryFindChild(id) ?? new Construct(scope, id);
}

function onlyOne(what: string, value: unknown, other: string, otherValue: unknown) {
  return {
    wrong: value !== undefined && otherValue !== undefined,
    given: `${what} and ${other} are both given`,
    want: 'expected one of the two',
  };
}
