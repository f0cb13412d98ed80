import { Size, SizeRoundingBehavior } from 'cdk8s';
import { Construct } from 'constructs';
import { CloudNativeArchive } from './cloud-native-archive';
import { OWNER, clusterSpec } from './cloud-native-cluster';
import { CloudNativePostgresProps } from './cloud-native-postgres-props';
import { clusterRules, furtherDatabaseRules } from './cloud-native-rules';
import { IDatabase } from './database';
import { databaseConnection } from './database-client';
import { DatabaseEngine } from './database-engine';
import { Tuning, maxConnections, tuningRules } from './tuning';
import { Component } from '../component/component';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { metricsLabels, service } from '../component/standard-objects';
import { Images } from '../images';
import { checkInputs, defined } from '../inputs/inputs';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { apiObject } from '../kubernetes/manifest';
import { mergeResources, storeResources } from '../kubernetes/resources';
import { check, checkAtSynth, sameNamespaceRule } from '../kubernetes/rules';

const POSTGRES_PORT = 5432;
/** The port on which an instance reports its state to the operator and to other instances. */
const STATUS_PORT = 8000;
const METRICS_PORT = 9187;
/** The operator accepts names of at most 50 characters. */
const LONGEST_SUFFIX = '-'.repeat(63 - 50);

/** If the Cluster is deleted, its volumes are too: these annotations keep GitOps controllers from deleting it. */
const KEPT = {
  'argocd.argoproj.io/sync-options': 'Delete=false,Prune=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};

/**
 * A PostgreSQL with standbys for MLflow's runs and registry. The CloudNativePG operator runs it, and fails over to a
 * standby. Put it in a chart of its own, in the namespace of the servers: without the operator, `kubectl apply` of that
 * chart's file fails, because its kinds are unknown. Pods of the servers wait for its Secrets, so both files can be applied
 * in any order.
 *
 * Warning: if you delete the object `Cluster`, the operator deletes its volumes within seconds. You can then restore only
 * from an `archive` or a `Backup`.
 *
 * Objects, by the ids for `apiObject()`: `cluster`, `network-policy`, `database-<name>` for each further database; with
 * metrics `metrics-service`; with an archive `object-store` and `scheduled-backup`.
 *
 * @see https://cloudnative-pg.io/documentation/current/
 */
export class CloudNativePostgres extends Component implements IDatabase, IMetricsTarget {
  public readonly sharedByReplicas = true;
  public readonly engine: DatabaseEngine = DatabaseEngine.POSTGRESQL;
  public readonly clientImage: string;
  /** Name of MLflow's database. */
  public readonly databaseName: string;
  /** Name of the Service that leads to the primary. */
  public readonly host: string;
  /** Name of the Service that leads to the standbys, with `readReplicas: true`. */
  public readonly readReplicaHost?: string;
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

  private readonly clients: ConnectionClient[] = [];
  private readonly databases: string[];
  private readonly network: NetworkBoundary;

  /**
   * @param scope the chart, or a construct in a chart, that contains it. Its namespace is that of the servers
   * @param id names the resources: a DNS label of at most 50 characters
   * @param props options. All are optional: three instances with a volume of 50Gi each
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: CloudNativePostgresProps = {},
  ) {
    super(scope, id, {
      role: 'postgres',
      longestSuffix: LONGEST_SUFFIX,
      podSelector: (name) => ({ 'cnpg.io/cluster': name }),
    });
    checkInputs('new CloudNativePostgres', { scope, id, props }, this);
    const { nodeSelector, tolerations, priorityClassName, imagePullSecrets, imageRegistry, apiServerEgress } = props;
    const { labels, annotations } = props;
    const own = { nodeSelector, tolerations, priorityClassName, labels, annotations };
    const given = { ...own, imagePullSecrets, imageRegistry, apiServerEgress };
    const placement = this._placement(defined(given));
    this.databaseName = props.databaseName ?? 'mlflow';
    this.host = `${this.componentName}-rw`;
    if (props.readReplicas) this.readReplicaHost = `${this.componentName}-ro`;
    this.clientImage = props.image ?? mirrored(Images.CLOUD_NATIVE_POSTGRES, placement);
    this._image = this.clientImage;
    this.databases = [this.databaseName];
    const archive = props.archive && new CloudNativeArchive(this, props.archive);
    const cluster = {
      ...{ props, placement, image: this.clientImage, databaseName: this.databaseName },
      ...{ storage: props.storage ?? Size.gibibytes(50), resources: this.resources, podSelector: this.podSelector },
      archive: archive?.clusterFields() ?? {},
      archiveOf: (serverName: string) => archive!.pluginFor(serverName),
    };
    this._check(placement, [...clusterRules(cluster, archive?.serverName), ...(archive?.rules() ?? [])]);
    this.hasMetrics = props.metrics ?? false;
    this.metricsLabels = metricsLabels(this);
    checkAtSynth(this, () => tuningRules(this.tuning()));
    this.node.defaultChild = apiObject<{ spec: object }>(this, 'cluster', {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      name: this.componentName,
      labels: this.labels,
      annotations: KEPT,
      body: { spec: () => clusterSpec({ ...cluster, tuning: this.tuning() }) },
    });
    archive?.addObjects();
    this.network = this.networkPolicy(placement, archive);
    if (this.hasMetrics) this.metrics();
  }

  /**
   * Registers a client and the number of its connections. Returns what its pods need to connect: the operator's Secrets
   * `<name>-app`, with MLflow's role, and `<name>-ca`, with which clients check the server's certificate.
   *
   * @param client the workload that connects, from the namespace of the database
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('CloudNativePostgres#connectFrom', { client }, this);
    check(this, clientRules(client));
    check(client.name, [
      sameNamespaceRule('the database', this.namespace, client.namespace, 'Database.fromExisting(…)'),
    ]);
    this.clients.push(client);
    this.network.allowFrom({ podLabels: client.podLabels }, POSTGRES_PORT);
    return databaseConnection({
      host: this.host,
      port: this.port,
      database: this.databaseName,
      login: { secretName: `${this.componentName}-app`, usernameKey: 'username', passwordKey: 'password' },
      // The Secret contains the authority's private key too: only `ca.crt` is mounted.
      authority: { secretName: `${this.componentName}-ca`, key: 'ca.crt' },
      egress: [{ peer: { podLabels: this.podSelector }, port: POSTGRES_PORT }],
    });
  }

  /**
   * Adds a database with the same owner, e.g. for MLflow's own users and permissions: an object `Database`. If you delete
   * that object, the database stays.
   *
   * @param name the database's name
   */
  public addDatabase(name: string): void {
    checkInputs('CloudNativePostgres#addDatabase', { name }, this);
    check(this, furtherDatabaseRules(name));
    if (this.databases.includes(name)) return;
    this.databases.push(name);
    apiObject(this, `database-${name}`, {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      name: `${this.componentName}-${name.replaceAll('_', '-')}`,
      labels: this.labels,
      annotations: KEPT,
      body: { spec: { cluster: { name: this.componentName }, name, owner: OWNER, databaseReclaimPolicy: 'retain' } },
    });
  }

  /** `max_connections` at this time. Each client that is registered later can raise it. */
  public get maxConnections(): number {
    return maxConnections(this.tuning());
  }

  private get resources() {
    return mergeResources(storeResources, this.props.resources);
  }

  private networkPolicy(placement: PlacementOptions, archive?: CloudNativeArchive): NetworkBoundary {
    const peers = { podLabels: this.podSelector };
    const operator = {
      namespaceLabels: { 'kubernetes.io/metadata.name': this.props.operatorNamespace ?? 'cnpg-system' },
      podLabels: { 'app.kubernetes.io/name': 'cloudnative-pg' },
    };
    return new NetworkBoundary(this)
      .allowFrom(peers, POSTGRES_PORT, STATUS_PORT)
      .allowFrom(operator, POSTGRES_PORT, STATUS_PORT)
      .allowDns()
      .allowTo(peers, POSTGRES_PORT, STATUS_PORT)
      .allowApiServer(placement.apiServerEgress)
      .allowEgress(archive?.connection.egress);
  }

  private metrics(): void {
    this.network.allowMetrics(METRICS_PORT, this.props.metricsClients);
    const spec = {
      clusterIP: 'None',
      // Pods of the operator's Jobs have the first label too.
      selector: { ...this.podSelector, 'cnpg.io/podRole': 'instance' },
      ports: [{ name: 'metrics', port: METRICS_PORT, targetPort: 'metrics' }],
    };
    service(this, 'metrics-service', `${this.componentName}-metrics`, spec, { labels: this.metricsLabels });
  }

  private tuning(): Tuning {
    return {
      memoryMebibytes: this.resources.memory!.limit!.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
      neededConnections: this.clients.reduce((sum, client) => sum + client.maxConnections, 0),
      maxConnections: this.props.maxConnections,
    };
  }
}
