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
import { checkInputs, checkedScope, defined } from './inputs/inputs';
import { findApiObject } from './kubernetes/api-object';
import { declareInstance } from './kubernetes/instance';
import { PlacementOptions, mergePlacement, placementRules } from './kubernetes/pod-options';
import { check, nameRule } from './kubernetes/rules';
import { MIGRATION_SUFFIX } from './operations/migration';
import { ModelDeployer } from './serving/model-deployer';
import { ModelDeployerOptions } from './serving/model-deployer-props';
import { ModelServing } from './serving/model-serving';
import { PlatformServingOptions } from './serving/model-serving-props';
import { TrackingEndpoint } from './serving/tracking-endpoint';
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
   * Options of the deployer, the Deployment `<platform>-deployer`, which is there as soon as a serving follows an alias
   * or a stage.
   * @default - its own defaults
   */
  readonly deployer?: ModelDeployerOptions;
  /**
   * Options for every pod of the platform, its servings and Jobs included; a component's own come first.
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

  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the platform and is the first part of every resource's name: a DNS label
   * @param props its parts and their options; without any, a platform that works
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: MlflowPlatformProps = {},
  ) {
    super(checkedScope('MlflowPlatform', scope, id), id);
    checkInputs('new MlflowPlatform', { scope, id, props }, this);
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
   * Serves a registered model: Deployment and Service `<id>-serving`. Where it follows an alias or a stage, the platform's
   * deployer follows that.
   *
   * @param id first part of its names
   * @param options model, runtime, size; and the chart that it goes to, where that is not the platform's
   */
  public addModelServing(id: string, options: PlatformServingOptions): ModelServing {
    checkInputs('MlflowPlatform#addModelServing', { id, options }, this);
    const { chart, ...rest } = options;
    const scope = chart ?? childOf(this, 'servings');
    check(this, [
      {
        wrong: scope.node.tryFindChild(id) !== undefined,
        given: `there is a serving '${id}' already`,
        want: 'expected another id for one of the two, or a chart with a namespace of its own',
      },
    ]);
    const placement = defined(mergePlacement(this.props.pods, rest));
    const tracking = TrackingEndpoint.fromServer(this.server);
    const serving = new ModelServing(scope, id, { ...rest, ...placement, tracking });
    if (serving.model.version === undefined) this.deployer.follow(serving);
    return serving;
  }

  /** The platform's deployer, made when it is first asked for. */
  public get deployer(): ModelDeployer {
    const found = this.node.tryFindChild('deployer') as ModelDeployer | undefined;
    const tracking = TrackingEndpoint.fromServer(this.server);
    return found ?? new ModelDeployer(this, 'deployer', { ...this.props.deployer, tracking });
  }

  /**
   * One of the platform's Kubernetes objects, for what no prop foresees: those of its components after their ids, e.g.
   * `postgres/stateful-set`, `server/deployment`, `deployer/deployment` or `servings/churn/deployment`, and those of the Job that makes the Secrets: `credentials/job`,
   * `credentials/config-map`, `credentials/role`, `credentials/role-binding`, `credentials/service-account` and
   * `credentials/network-policy`.
   *
   * @param id the object's construct id; an unknown one is refused with the list of those there are
   */
  public apiObject(id: string): ApiObject {
    checkInputs('MlflowPlatform#apiObject', { id }, this);
    return findApiObject(this, id);
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
