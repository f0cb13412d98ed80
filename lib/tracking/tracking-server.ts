import { Construct } from 'constructs';
import { authSettings } from './auth-settings';
import { SERVICE_PORT } from './hosts';
import { ProgramLogin, ServerLogin } from './login';
import { serverRules } from './rules';
import { serverEnvironment } from './server-environment';
import { ServerPlan, artifactArguments, serverConnections, serverPlan } from './server-plan';
import { MLFLOW_PORT, SERVER_PROGRAMS, serverPod } from './server-pod';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { Authentication } from '../access/authentication';
import { Exposure } from '../access/exposure';
import { ProgramRole } from '../access/nginx-roles';
import { HTTP_PORT, METRICS_PORT, ReverseProxy } from '../access/reverse-proxy';
import { checkInputs } from '../inputs/inputs';
import { autoscaler } from '../kubernetes/autoscaler';
import {
  configMap,
  disruptionBudget,
  metricsLabels,
  metricsService,
  service,
  serviceAccount,
} from '../kubernetes/common-objects';
import { Component } from '../kubernetes/component';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { apiObject } from '../kubernetes/manifest';
import { NetworkBoundary, NetworkPeer } from '../kubernetes/network-boundary';
import { accountAnnotations } from '../kubernetes/pod';
import { PlacementOptions, mirroredDefault } from '../kubernetes/pod-options';
import { contentHash, programs } from '../kubernetes/program';
import { check } from '../kubernetes/rules';
import { MIGRATION_SUFFIX, Migration } from '../operations/migration';
import { programUsers } from '../operations/program-users';

/**
 * MLflow's tracking server and model registry, behind nginx in the same pod.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `service`, `metrics-service`, `autoscaler`, `disruption-budget`,
 * `ingress` or `route`, `config-map` (programs), `proxy-config-map`, `service-account`, `network-policy`, and of the
 * migration: `migration/job`, `migration/config-map`, `migration/service-account`, `migration/network-policy`, `migration/users-job`,
 * `migration/users-config-map`.
 */
export class TrackingServer extends Component {
  /** URL of the server inside the cluster. */
  public readonly url: string;
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;

  private readonly login: ServerLogin;
  private readonly plan: ServerPlan;
  private readonly placement: PlacementOptions;
  private readonly boundary: NetworkBoundary;

  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the resources: a DNS label
   * @param props the database, the artifact store, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: TrackingServerProps,
  ) {
    super(scope, id, 'server', MIGRATION_SUFFIX);
    checkInputs('new TrackingServer', { scope, id, props }, this);
    const name = this.componentName;
    this.placement = this._placement(props);
    const plan = (this.plan = serverPlan(props, this.placement));
    check(this, serverRules(props, plan));
    this.url = `http://${this._serviceHost()}:${SERVICE_PORT}`;
    this.metricsLabels = metricsLabels(this);
    this.login = new ServerLogin(this, props.authentication ?? Authentication.basic(), props.keys);
    const { authDatabase } = this.login;
    if (authDatabase) props.database.addDatabase(authDatabase);
    const { database, artifacts } = this.connect({
      name: this.node.path,
      podLabels: this.podSelector,
      namespace: this.namespace,
      maxConnections: serverConnections(plan, authDatabase !== undefined),
    });
    const connections = [database, artifacts];
    serviceAccount(this, 'service-account', name, accountAnnotations(connections));
    this.boundary = this.network(connections);
    this.services();
    configMap(this, 'config-map', `${name}-programs`, () => this.programFiles());
    configMap(this, 'proxy-config-map', `${name}-proxy`, () => ({ 'nginx.conf': this.proxy().configuration() }));
    this.deployment(connections);
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
   * Gives a program in the cluster a user of its own, in the Secret `<name>-<program>-login`, with the keys `username`
   * and `password`. With `Authentication.basic()` it may do what a person may; the users of servings and of the deployer,
   * which they get by themselves, may not.
   *
   * @param program its name, which is its user name too: at most 58 lower-case letters, digits and '-'
   */
  public addProgram(program: string): ProgramLogin {
    checkInputs('TrackingServer#addProgram', { program }, this);
    return this.login.addProgram(program);
  }

  /** A user for a program of ours, which may do what its work needs and no more. @internal */
  public _addProgram(program: string, role: ProgramRole): ProgramLogin {
    return this.login.addProgram(program, role);
  }

  /** Has a program's Secret copied for a component of another namespace. @internal */
  public _copyLogin(component: Component, program: string): string {
    return this.login.copyFor(component, program);
  }

  /** Lets a program of ours in, where `clients` does not say everybody. @internal */
  public _admit(peer: NetworkPeer): void {
    if (this.props.clients) this.boundary.allowFrom(peer, HTTP_PORT);
  }

  /** Lets a program of ours change a registered model, where MLflow asks who comes. @internal */
  public _letEdit(program: string, model: string): void {
    this.login.letEdit(program, model);
  }

  private connect(client: ConnectionClient) {
    const { database, artifacts } = this.props;
    return { database: database.connectFrom(client), artifacts: artifacts.connectFrom(client) };
  }

  private network(connections: Connection[]): NetworkBoundary {
    const network = new NetworkBoundary(this, 'network-policy', this.componentName, this.podSelector);
    for (const peer of this.props.clients ?? [{ anyone: true }]) network.allowFrom(peer, HTTP_PORT);
    network.allowMetrics(METRICS_PORT, this.props.metricsClients).allowDns().allowEgress(this.props.egress);
    for (const { egress } of connections) network.allowEgress(egress);
    return network;
  }

  private services(): void {
    service(this, 'service', this.componentName, {
      type: 'ClusterIP',
      selector: this.podSelector,
      ports: [{ name: 'http', port: SERVICE_PORT, targetPort: 'http' }],
    });
    metricsService(this, METRICS_PORT);
  }

  private deployment(connections: Connection[]): void {
    const { plan } = this;
    apiObject(this, 'deployment', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: this.componentName,
      labels: this.labels,
      body: {
        spec: () => ({
          // With an autoscaler the number is its own: an apply would put it back.
          replicas: plan.autoscaling ? undefined : plan.maxPods,
          revisionHistoryLimit: 5,
          progressDeadlineSeconds: 3600,
          selector: { matchLabels: this.podSelector },
          strategy: this.alone
            ? { type: 'Recreate' }
            : { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: this.pod(connections),
        }),
      },
    });
  }

  private pod(connections: Connection[]) {
    const proxy = this.proxy();
    return serverPod({
      name: this.componentName,
      labels: this.labels,
      selector: this.podSelector,
      plan: this.plan,
      placement: this.placement,
      proxy,
      connections,
      secretVariables: this.login.secretVariables,
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
  private get alone(): boolean {
    return !this.props.database.sharedByReplicas || !this.props.artifacts.sharedByReplicas;
  }

  private migration(): void {
    const { authDatabase, secretVariables } = this.login;
    const auth = authDatabase && { databaseName: authDatabase, settings: authSettings(authDatabase), secretVariables };
    const { image } = this.plan;
    const { environment } = this.props;
    const migration = new Migration(this, {
      ...{ image, environment, auth: auth || undefined },
      placement: this.placement,
      besides: this.props.artifacts.sharedByReplicas ? undefined : this.podSelector,
      dumpSpace: this.plan.dumpSpace,
      clientImage: mirroredDefault(this.props.database.clientImage, this.placement),
      egress: this.props.egress,
      backups: `${this.props.artifacts.uri}/backups`,
      connect: (client) => this.connect(client),
    });
    if (!auth) return;
    const { usersSecret } = this.login;
    const shared = { ...auth, image, environment, usersSecret, placement: this.placement, name: usersSecret };
    this.login.onFirstProgram = () => programUsers(migration, { ...shared, users: () => this.login.models });
  }
}
