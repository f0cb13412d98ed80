import { Construct } from 'constructs';
import { authSettings } from './auth-settings';
import { Authentication } from './authentication';
import { SERVICE_PORT } from './hosts';
import { MIGRATION_SUFFIX, Migration } from './migration';
import { OperatedServer } from './operated-server';
import { connectedRules, serverRules } from './rules';
import { serverEnvironment } from './server-environment';
import { ServerLogin } from './server-login';
import { serverNetwork } from './server-network';
import { ServerPlan, artifactArguments, serverConnections, serverPlan } from './server-plan';
import { MLFLOW_PORT, SERVER_PROGRAMS, serverPod } from './server-pod';
import { ServiceUser } from './service-user';
import { serviceUsersJob } from './service-users-job';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { autoscaler } from '../component/autoscaler';
import { Component } from '../component/component';
import { disruptionBudget } from '../component/disruption-budget';
import { IMetricsTarget } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirroredDefault } from '../component/pod-options';
import { contentHash, programs } from '../component/program';
import { configMap, metricsLabels, metricsService, service, serviceAccount } from '../component/standard-objects';
import { deployment } from '../component/workloads';
import { Exposure } from '../exposure/exposure';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { NetworkPeer } from '../kubernetes/network-peer';
import { accountAnnotations } from '../kubernetes/pod';
import { secretVariables } from '../kubernetes/secret-value';
import { HTTP_PORT, METRICS_PORT, ReverseProxy } from '../nginx/reverse-proxy';
import { ServiceUserRole } from '../nginx/roles';

/**
 * MLflow's tracking server and model registry, behind nginx in the same pod.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `service`, `metrics-service`, `autoscaler`, `disruption-budget`,
 * `ingress` or `route`, `config-map` (programs), `proxy-config-map`, `service-account`, `network-policy`, and of the
 * migration: `migration/job`, `migration/config-map`, `migration/service-account`, `migration/network-policy`, `migration/users-job`,
 * `migration/users-config-map`.
 */
export class TrackingServer extends Component implements IMetricsTarget {
  /** URL of the server inside the cluster. */
  public readonly url: string;
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics. */
  public readonly metricsPath: string = '/metrics';
  /** Always true. */
  public readonly hasMetrics: boolean = true;

  private readonly login: ServerLogin;
  private readonly plan: ServerPlan;
  private readonly placement: PlacementOptions;
  private readonly boundary: NetworkBoundary;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources: a DNS label
   * @param props the database, the artifact store, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: TrackingServerProps,
  ) {
    super(scope, id, { role: 'server', longestSuffix: MIGRATION_SUFFIX });
    checkInputs('new TrackingServer', { scope, id, props }, this);
    const name = this.componentName;
    this.placement = this._placement(props);
    const plan = (this.plan = serverPlan(props, this.placement));
    this._image = plan.image;
    this._check(props, serverRules(props, plan));
    this.url = `http://${this._serviceHost()}:${SERVICE_PORT}`;
    this.metricsLabels = metricsLabels(this);
    this.login = new ServerLogin(this, props.authentication ?? Authentication.basic(), props.keys, props.exposure);
    const { authDatabase } = this.login;
    if (authDatabase) props.database.addDatabase(authDatabase);
    const { database, artifacts } = this.connect({
      name: this.node.path,
      podLabels: this.podSelector,
      namespace: this.namespace,
      maxConnections: serverConnections(plan, authDatabase !== undefined),
    });
    const connections = [database, artifacts];
    this._check(props, connectedRules(props, connections, this.login.secretVariables));
    serviceAccount(this, accountAnnotations(connections));
    const { signOn } = this;
    this.boundary = serverNetwork(this, props, [...connections, ...(signOn ? [signOn] : [])]);
    this.services();
    configMap(this, 'config-map', `${name}-programs`, () => this.programFiles());
    configMap(this, 'proxy-config-map', `${name}-proxy`, () => ({ 'nginx.conf': this.proxy().configuration() }));
    this.workload(connections);
    if (plan.autoscaling) autoscaler(this, plan.autoscaling);
    if (plan.maxPods > 1) disruptionBudget(this);
    this.migration();
    (props.exposure ?? Exposure.none())._bind(this, {
      service: name,
      port: { name: 'http', number: SERVICE_PORT },
      names: {
        ingress: `${this.instanceName}-ingress`,
        route: `${this.instanceName}-route`,
        tls: `${this.instanceName}-tls`,
      },
    });
  }

  /**
   * Adds the login of a program, e.g. of a notebook or a pipeline: the Secret `<name>-<user>-login`, with the keys
   * `username` and `password`. With `Authentication.basic()` it may do what a person may. The deployer and servings get
   * service users of their own, which may do only what their work needs.
   *
   * @param username at most 58 lower-case letters, digits and '-'
   */
  public addServiceUser(username: string): ServiceUser {
    checkInputs('TrackingServer#addServiceUser', { username }, this);
    return this.login.addServiceUser(username);
  }

  /** The login of a program of ours, which may do only what its work needs. @internal */
  public _addServiceUser(username: string, role: ServiceUserRole): ServiceUser {
    return this.login.addServiceUser(username, role);
  }

  /** Admits a program of ours, if `clients` restricts who may connect. @internal */
  public _admit(peer: NetworkPeer): void {
    if (this.props.clients) this.boundary.allowFrom(peer, HTTP_PORT);
  }

  /** What the migration and a backup have to know of it. @internal */
  public _operated(): OperatedServer {
    const { authDatabase, secretVariables: own } = this.login;
    const { plan, placement, props } = this;
    return {
      placement,
      image: plan.image,
      dumpSpace: plan.dumpSpace,
      leastPods: plan.autoscaling?.minReplicas ?? plan.maxPods,
      clientImage: mirroredDefault(props.database.clientImage, placement),
      artifactsUri: props.artifacts.uri,
      sameNodeAs: props.artifacts.sharedByReplicas ? undefined : this.podSelector,
      egress: props.egress,
      environment: props.environment,
      auth: authDatabase
        ? {
            databaseName: authDatabase,
            settings: authSettings(authDatabase),
            secretVariables: own,
            serviceUsers: () => this.login.serviceUsers,
          }
        : undefined,
      connect: (client) => this.connect(client),
    };
  }

  private connect(client: ConnectionClient) {
    const { database, artifacts } = this.props;
    return { database: database.connectFrom(client), artifacts: artifacts.connectFrom(client) };
  }

  private get signOn() {
    return this.login.signOn(this.placement, this.props.environment);
  }

  private services(): void {
    service(this, 'service', this.componentName, {
      type: 'ClusterIP',
      selector: this.podSelector,
      ports: [{ name: 'http', port: SERVICE_PORT, targetPort: 'http' }],
    });
    metricsService(this, METRICS_PORT);
  }

  private workload(connections: Connection[]): void {
    const { plan } = this;
    deployment(this, {
      replicas: plan.autoscaling ? undefined : plan.maxPods,
      progressDeadlineSeconds: 3600,
      recreate: this.isSinglePod,
      pod: () => this.pod(connections),
    });
  }

  private pod(connections: Connection[]) {
    const proxy = this.proxy();
    return serverPod({
      plan: this.plan,
      placement: this.placement,
      proxy,
      signOn: this.signOn,
      connections,
      secretVariables: [...this.login.secretVariables, ...secretVariables(this.props.secretEnvironment)],
      options: this.props,
      environment: serverEnvironment({
        name: this.componentName,
        namespace: this.namespace,
        plan: this.plan,
        props: this.props,
        authDatabase: this.login.authDatabase,
      }),
      artifactArguments: artifactArguments(this.plan, `${this.props.artifacts.uri}/artifacts`),
      authDatabase: this.login.authDatabase,
      programsConfigMap: `${this.componentName}-programs`,
      configHash: contentHash({ ...this.programFiles(), 'nginx.conf': proxy.configuration() }),
    });
  }

  private proxy(): ReverseProxy {
    return new ReverseProxy({
      image: this.plan.proxyImage,
      resources: this.plan.proxyResources,
      drainSeconds: this.plan.drainSeconds,
      upstreamPort: MLFLOW_PORT,
      configMapName: `${this.componentName}-proxy`,
      login: this.login.proxyLogin,
      signedUrls: this.plan.artifactAccess === ArtifactAccess.PRESIGNED,
      maxArtifactMebibytes: this.plan.maxArtifactMebibytes,
      ipv6: this.props.ipv6 ?? false,
      httpsHost: this.props.exposure?._httpsHost,
    });
  }

  private programFiles(): Record<string, string> {
    const { authDatabase } = this.login;
    return { ...programs(...SERVER_PROGRAMS), ...(authDatabase && { 'basic_auth.ini': authSettings(authDatabase) }) };
  }

  /** True where what one pod holds must be free before the next one can start. */
  private get isSinglePod(): boolean {
    return !this.props.database.sharedByReplicas || !this.props.artifacts.sharedByReplicas;
  }

  private migration(): void {
    const operated = this._operated();
    const migration = new Migration(this, { ...operated, backups: `${operated.artifactsUri}/backups` });
    const { auth, image, environment, placement } = operated;
    if (!auth) return;
    const { usersSecret } = this.login;
    const shared = { ...auth, image, environment, usersSecret, placement, name: usersSecret };
    this.login.onFirstServiceUser = () => serviceUsersJob(migration, { ...shared, users: () => this.login.models });
  }
}
