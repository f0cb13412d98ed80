import { Construct } from 'constructs';
import { Authentication } from './authentication';
import { MIGRATION_SUFFIX } from './migration';
import { OperatedServer, operatedServer } from './operated-server';
import { connectedRules, serverRules } from './rules';
import { serverEnvironment } from './server-environment';
import { ServerLogin } from './server-login';
import { serverMigration } from './server-migration';
import { serverNetwork } from './server-network';
import { ServerPlan, artifactArguments, serverConnections, serverPlan } from './server-plan';
import { serverPod, serverPrograms } from './server-pod';
import { serverProxy } from './server-proxy';
import { serverAddress, serverServices } from './server-service';
import { ServiceAccountLogin } from './service-account-login';
import { ServiceUser, ServiceUserOptions } from './service-user';
import { TokenLogin } from './token-login';
import { verifierEgress, verifierFiles } from './token-verifier-pod';
import { TrackingServerProps } from './tracking-server-props';
import { IScaledComponent, autoscaler } from '../component/autoscaler';
import { Autoscaling } from '../component/autoscaling';
import { ICertifiedService } from '../component/certified-service';
import { Component } from '../component/component';
import { disruptionBudget } from '../component/disruption-budget';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions } from '../component/pod-options';
import { contentHash, programs } from '../component/program';
import { configMap, metricsLabels, serviceAccount } from '../component/standard-objects';
import { deployment } from '../component/workloads';
import { Exposure } from '../exposure/exposure';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { NetworkPeer } from '../kubernetes/network-peer';
import { accountAnnotations } from '../kubernetes/pod';
import { secretVariables } from '../kubernetes/secret-value';
import { HTTP_PORT } from '../nginx/reverse-proxy';
import { RestrictedRole } from '../nginx/role-routes';

/**
 * MLflow's tracking server and model registry, behind nginx in the same pod.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `service`, `metrics-service`, `autoscaler`, `disruption-budget`,
 * `ingress` or `route`, `config-map` (programs), `proxy-config-map`, `service-account`, `network-policy`, and of the
 * migration: `migration/job`, `migration/config-map`, `migration/service-account`, `migration/network-policy`, `migration/users-job`,
 * `migration/users-config-map`.
 */
export class TrackingServer extends Component implements IMetricsTarget, ICertifiedService, IScaledComponent {
  /** URL of the server inside the cluster. */
  public readonly url: string;
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics. */
  public readonly metricsPath: string = '/metrics';
  /** Bounds and targets of the number of pods, defaults included, if it is not fixed. */
  public readonly autoscaling?: Autoscaling;
  /** Always true. */
  public readonly hasMetrics: boolean = true;
  /** Always undefined: the metrics have plain HTTP. */
  public readonly metricsTls?: MetricsTls;

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
    this._check(props, serverRules(props, plan, this.placement));
    const { scheme, port } = serverAddress(props);
    this.url = `${scheme}://${this._serviceHost()}:${port}`;
    this.metricsLabels = metricsLabels(this);
    this.login = new ServerLogin(this, props.authentication ?? Authentication.basic(), props);
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
    serverServices(this, props);
    configMap(this, 'config-map', `${name}-programs`, () => this.programFiles());
    configMap(this, 'proxy-config-map', `${name}-proxy`, () => ({ 'nginx.conf': this.proxy().configuration() }));
    this.workload(connections);
    this.autoscaling = plan.autoscaling;
    if (plan.autoscaling && !plan.autoscaling.byKeda) autoscaler(this, plan.autoscaling);
    if (plan.maxPods > 1) disruptionBudget(this);
    serverMigration(this, this._operated(), this.login);
    (props.exposure ?? Exposure.none())._bind(this, {
      service: name,
      port: { name: 'http', number: port },
      tls: props.tlsSecretName === undefined ? undefined : this.podTls,
      names: {
        ingress: `${this.instanceName}-ingress`,
        route: `${this.instanceName}-route`,
        tls: `${this.instanceName}-tls`,
      },
    });
  }

  /**
   * Adds the login of a program, e.g. of a notebook or a pipeline: the Secret `<name>-<user>-login`, with the keys
   * `username` and `password`. The deployer and servings get service users of their own.
   *
   * @param username at most 58 lower-case letters, digits and '-'
   * @param options its role
   */
  public addServiceUser(username: string, options: ServiceUserOptions = {}): ServiceUser {
    checkInputs('TrackingServer#addServiceUser', { username, options }, this);
    return this.login.addServiceUser(username, this.login.restricted(options.role), options.workspace);
  }

  /**
   * Lets the pods of a ServiceAccount log in with its token, without a password: a projected token with the audience
   * `tokenAudience`, as `Authorization: Bearer`. The first one adds two sidecars to the servers, which restarts them; a
   * further one takes effect within about a minute, without a restart. With `Authentication.basic()` or `oidc()` only.
   *
   * @param props the ServiceAccount and its role
   */
  public addServiceAccount(props: ServiceAccountLogin): void {
    checkInputs('TrackingServer#addServiceAccount', { props }, this);
    if (this.login.accounts.add(props)) this.boundary.allowApiServer(this.placement.apiServerEgress);
  }

  /**
   * Lets a program outside the cluster log in with a token of its own, without a password: e.g. the pipelines of one repository
   * in GitHub Actions or GitLab, as `Authorization: Bearer`. Each change restarts the servers, and each issuer adds a sidecar to them. With
   * `Authentication.basic()` or `oidc()` only.
   *
   * @param props the issuer, the claims that a token must have, and the role
   */
  public addTokenLogin(props: TokenLogin): void {
    checkInputs('TrackingServer#addTokenLogin', { props }, this);
    const verifier = this.login.addTokenLogin(props);
    if (verifier) this.boundary.allowEgress(verifierEgress(verifier));
  }

  /** Audience of the tokens of `addServiceAccount()`: `serviceAccountToken.audience` of the projected volume. */
  public get tokenAudience(): string {
    return this.login.accounts.audience;
  }

  /** The login of a program of ours, which may do only what its work needs. @internal */
  public _addServiceUser(username: string, role: RestrictedRole, workspace?: string): ServiceUser {
    return this.login.addServiceUser(username, role, workspace);
  }

  /** Admits a program of ours, if `clients` restricts who may connect. @internal */
  public _admit(peer: NetworkPeer): void {
    if (this.props.clients) this.boundary.allowFrom(peer, HTTP_PORT);
  }

  /** What the migration and a backup have to know of it. @internal */
  public _operated(): OperatedServer {
    const { plan, placement, props, login, podSelector } = this;
    return operatedServer({ plan, placement, props, login, podSelector, connect: (client) => this.connect(client) });
  }

  private connect(client: ConnectionClient) {
    const { database, artifacts } = this.props;
    return { database: database.connectFrom(client), artifacts: artifacts.connectFrom(client) };
  }

  private get podTls() {
    return { host: this._serviceHost(), authority: this.placement.authority };
  }

  private get signOn() {
    return this.login.signOn(this.placement, this.props.environment);
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
      engine: this.props.database.engine,
      accounts: this.login.accountPods(this.plan.image, this.placement, this.props.environment),
      connections,
      secretVariables: [...this.login.secretVariables, ...secretVariables(this.props.secretEnvironment)],
      options: this.props,
      environment: serverEnvironment({
        name: this.componentName,
        namespace: this.namespace,
        plan: this.plan,
        props: this.props,
        login: this.login,
      }),
      artifactArguments: artifactArguments(this.plan, `${this.props.artifacts.uri}/artifacts`),
      authDatabase: this.login.authDatabase,
      programsConfigMap: `${this.componentName}-programs`,
      configHash: contentHash({ ...this.programFiles(), 'nginx.conf': proxy.configuration() }),
    });
  }

  private proxy() {
    return serverProxy(this.componentName, this.props, this.plan, this.login);
  }

  private programFiles(): Record<string, string> {
    const { login } = this;
    const { engine } = this.props.database;
    const settings = login.authSettings(engine);
    return {
      ...programs(...serverPrograms(this.props, login)),
      ...verifierFiles(login.tokens.verifiers),
      ...(settings && { 'basic_auth.ini': settings }),
    };
  }

  /** True where what one pod holds must be free before the next one can start. */
  private get isSinglePod(): boolean {
    return !this.props.database.sharedByReplicas || !this.props.artifacts.sharedByReplicas;
  }
}
