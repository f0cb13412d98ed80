import { Size, SizeRoundingBehavior } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { statefulSet } from '../component/workloads';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { IDatabase } from './database';
import { databaseConnection } from './database-client';
import { DatabaseEngine } from './database-engine';
import { databaseNameRule } from './database-name-rule';
import {
  EXPORTER_PORT,
  ExporterProps,
  exporterProps,
  exporterRules,
  loginVariables,
  withExporter,
} from './postgres-exporter';
import { POSTGRES_PORT, POSTGRES_USER, accessRules, postgresPod } from './postgres-pod';
import { PostgresStatefulSetProps } from './postgres-stateful-set-props';
import { Tuning, maxConnections, tuningRules } from './tuning';
import { Component } from '../component/component';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { SET_UP_SUFFIX, SetUpJob } from '../component/set-up-job';
import { configMap, metricsLabels, metricsService, service, serviceAccount } from '../component/standard-objects';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { mergeResources, resourceRules, sizeRule, storageClassRules, storeResources } from '../kubernetes/resources';
import { check, checkAtSynth, imageRule, objectNameRule, sameNamespaceRule, wholeRule } from '../kubernetes/rules';

/**
 * PostgreSQL with one volume, for MLflow's runs and registry.
 *
 * Objects, by the ids for `apiObject()`: `stateful-set`, `service`, `config-map`, `service-account`, `network-policy`, with
 * metrics `metrics-service`, and of the set-up: `set-up/job`, `set-up/config-map`, `set-up/service-account`,
 * `set-up/network-policy`.
 */
export class PostgresStatefulSet extends Component implements IDatabase, IMetricsTarget {
  public readonly sharedByReplicas = true;
  public readonly engine: DatabaseEngine = DatabaseEngine.POSTGRESQL;
  public readonly clientImage: string;
  /** Name of MLflow's database. */
  public readonly databaseName: string;
  /** Name of the Service. */
  public readonly host: string;
  /** Port of the Service. */
  public readonly port = POSTGRES_PORT;
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics. */
  public readonly metricsPath: string = '/metrics';
  /** True with `metrics: true`. */
  public readonly hasMetrics: boolean;
  /** Always undefined: the metrics have plain HTTP. */
  public readonly metricsTls?: MetricsTls;

  private readonly placement: PlacementOptions;
  private readonly superuser: LoginReference;
  private readonly login: LoginReference;
  private readonly exporter?: ExporterProps;
  private readonly clients: ConnectionClient[] = [];
  private readonly databases: string[];
  private readonly network: NetworkBoundary;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources: a DNS label
   * @param props options. Each has a default: PostgreSQL on a volume of 50Gi
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: PostgresStatefulSetProps = {},
  ) {
    super(scope, id, { role: 'postgres', longestSuffix: SET_UP_SUFFIX });
    checkInputs('new PostgresStatefulSet', { scope, id, props }, this);
    this.placement = this._placement(props);
    this.databaseName = props.databaseName ?? 'mlflow';
    this.host = this.componentName;
    this.clientImage = props.image ?? mirrored(Images.POSTGRES, this.placement);
    this._image = this.clientImage;
    this.databases = [this.databaseName];
    this._check(props, [
      imageRule(this.clientImage),
      sizeRule('storage', this.storage),
      ...storageClassRules(props.storageClassName),
      ...resourceRules(this.resources),
      wholeRule('maxConnections', props.maxConnections, 1),
      databaseNameRule(this.databaseName),
      ...(props.tlsSecretName === undefined ? [] : [objectNameRule('tlsSecretName', props.tlsSecretName)]),
      ...exporterRules(props),
    ]);
    this.hasMetrics = props.metrics ?? false;
    this.metricsLabels = metricsLabels(this);
    checkAtSynth(this, () => tuningRules(this.tuning()));
    this.superuser = this.superuserLogin();
    this.login = this.mlflowLogin();
    if (this.hasMetrics) this.exporter = exporterProps(this, props, this.placement);
    serviceAccount(this);
    this.service();
    configMap(this, 'config-map', this.componentName, () => ({ 'pg_hba.conf': this.accessRules() }));
    this.network = new NetworkBoundary(this);
    if (this.hasMetrics) {
      this.network.allowMetrics(EXPORTER_PORT, props.metricsClients);
      metricsService(this, EXPORTER_PORT);
    }
    this.workload();
    this.setUp();
  }

  /**
   * Registers a client and the number of its connections. Returns what its pods need to connect.
   *
   * @param client the workload that connects, from the namespace of the database
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('PostgresStatefulSet#connectFrom', { client }, this);
    const instead = 'Database.fromExisting(…)';
    check(this, clientRules(client));
    check(client.name, [sameNamespaceRule('the database', this.namespace, client.namespace, instead)]);
    this.clients.push(client);
    this.network.allowFrom({ podLabels: client.podLabels }, POSTGRES_PORT);
    return this.connection();
  }

  /**
   * A further database of the same owner, e.g. for MLflow's own users and permissions.
   *
   * @param name the database's name
   */
  public addDatabase(name: string): void {
    checkInputs('PostgresStatefulSet#addDatabase', { name }, this);
    check(this, [databaseNameRule(name)]);
    if (!this.databases.includes(name)) this.databases.push(name);
  }

  /** `max_connections` at this time. Each client that is registered later can raise it. */
  public get maxConnections(): number {
    return maxConnections(this.tuning());
  }

  private get storage(): Size {
    return this.props.storage ?? Size.gibibytes(50);
  }

  private get resources(): ContainerResources {
    return mergeResources(storeResources, this.props.resources);
  }

  private superuserLogin(): LoginReference {
    return (this.props.superuser ?? Credentials.generated())._login(this, {
      prop: 'superuser',
      secretName: `${this.componentName}-secret`,
      usernameKey: 'POSTGRES_USER',
      passwordKey: 'POSTGRES_PASSWORD',
      username: { value: 'postgres' },
      password: { generate: 'password' },
    });
  }

  private mlflowLogin(): LoginReference {
    return (this.props.credentials ?? Credentials.generated())._login(this, {
      prop: 'credentials',
      secretName: `${this.componentName}-mlflow-secret`,
      usernameKey: 'username',
      passwordKey: 'password',
      username: { value: 'mlflow' },
      password: { generate: 'password' },
    });
  }

  private service(): void {
    service(this, 'service', this.componentName, {
      clusterIP: 'None',
      // The only server: if a probe failed on a busy node, no client could connect to it.
      publishNotReadyAddresses: true,
      selector: this.podSelector,
      ports: [{ name: 'postgres', port: POSTGRES_PORT, targetPort: 'postgres' }],
    });
  }

  private workload(): void {
    const { componentName, clientImage: image, resources, placement, superuser, props } = this;
    statefulSet(this, {
      serviceName: componentName,
      replicas: 1,
      volume: { name: 'postgres-data', size: this.storage, storageClassName: props.storageClassName },
      pod: () => {
        const pod = postgresPod({
          ...{ image, resources, placement, superuser },
          tuning: this.tuning(),
          accessRules: this.accessRules(),
          accessRulesConfigMap: componentName,
          tlsSecretName: props.tlsSecretName,
        });
        return this.exporter ? withExporter(pod, this.exporter) : pod;
      },
    });
  }

  private setUp(): void {
    const { superuser, login, exporter } = this;
    const setUp = new SetUpJob(this, {
      image: this.clientImage,
      user: POSTGRES_USER,
      placement: this.placement,
      ...(exporter
        ? { script: 'setup-exporter.sh', moreScripts: ['setup-database.sh'] }
        : { script: 'setup-database.sh' }),
      environment: () => ({ ...this.connection().environment, DATABASES: this.databases.join(' ') }),
      secretVariables: [
        { variable: 'SUPERUSER', secretName: superuser.secretName, key: superuser.usernameKey },
        { variable: 'SUPERUSER_PASSWORD', secretName: superuser.secretName, key: superuser.passwordKey },
        { variable: 'ROLE', secretName: login.secretName, key: login.usernameKey },
        { variable: 'ROLE_PASSWORD', secretName: login.secretName, key: login.passwordKey },
        ...(exporter ? loginVariables(exporter, 'EXPORTER', 'EXPORTER_PASSWORD') : []),
      ],
      secretFiles: this.connection().secretFiles,
      egress: this.connection().egress,
    });
    this.network.allowFrom({ podLabels: setUp.podSelector }, POSTGRES_PORT);
  }

  /** Text of `pg_hba.conf`. */
  private accessRules(): string {
    return accessRules(!!this.props.tlsSecretName, this.databases, this.hasMetrics);
  }

  private tuning(): Tuning {
    return {
      memoryMebibytes: this.resources.memory!.limit!.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
      neededConnections: this.clients.reduce((sum, client) => sum + client.maxConnections, 0),
      maxConnections: this.props.maxConnections,
    };
  }

  private connection(): Connection {
    const { tlsSecretName } = this.props;
    return databaseConnection({
      host: this.host,
      port: this.port,
      database: this.databaseName,
      login: this.login,
      authority: tlsSecretName ? { secretName: tlsSecretName, key: 'ca.crt' } : undefined,
      egress: [{ peer: { podLabels: this.podSelector }, port: POSTGRES_PORT }],
    });
  }
}
