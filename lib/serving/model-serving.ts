import { Construct } from 'constructs';
import { ModelServingProps } from './model-serving-props';
import { RegisteredModel } from './registered-model';
import { ServingPlan, servingPlan, servingRules } from './serving-plan';
import { SERVING_PROGRAMS, servingPod } from './serving-pod';
import { LOGIN_PORT, MODEL_METRICS_PORT, MODEL_PORT } from './serving-ports';
import { SERVING_PROXY_PROGRAM, servingProxyConfiguration } from './serving-proxy';
import { TrackingConnection } from './tracking-endpoint';
import { IScaledComponent, autoscaler } from '../component/autoscaler';
import { Autoscaling } from '../component/autoscaling';
import { ICertifiedService } from '../component/certified-service';
import { Component } from '../component/component';
import { disruptionBudget } from '../component/disruption-budget';
import { allowExtraPorts } from '../component/extra-containers';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions } from '../component/pod-options';
import { contentHash, programs } from '../component/program';
import { serviceFields } from '../component/service-options';
import { configMap, metricsLabels, metricsService, service, serviceAccount } from '../component/standard-objects';
import { deployment } from '../component/workloads';
import { Exposure } from '../exposure/exposure';
import { checkInputs } from '../inputs/inputs';
import { accountAnnotations } from '../kubernetes/pod';
import { secretVariables } from '../kubernetes/secret-value';
import { ServiceUserRole } from '../nginx/service-user-role';

/** The suffix of every serving's name, and the longest that is added to that name. */
const SUFFIX = '-serving';
const LONGEST_SUFFIX = '-programs';

/**
 * One registered model that answers on HTTP: `POST http://<id>-serving:8080/invocations`.
 *
 * It is named `<id>-serving` and is its own instance in every chart. The YAML has the version that it serves only
 * for `RegisteredModel.byVersion`; otherwise a `ModelDeployer` owns that field, and pods wait until it is set.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `service`, `metrics-service`, `autoscaler`, `disruption-budget`,
 * `ingress` or `route`, `config-map` (programs), `warm-up-config-map`, `proxy-config-map`, `service-account`,
 * `network-policy`, and `login-role` and `login-role-binding` if its login is copied from another namespace.
 */
export class ModelServing extends Component implements IMetricsTarget, ICertifiedService, IScaledComponent {
  /** What is served. */
  public readonly model: RegisteredModel;
  /** URL of the scoring server inside the cluster. */
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

  private readonly plan: ServingPlan;
  private readonly placement: PlacementOptions;
  private readonly tracking: TrackingConnection;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources, with `-serving` after it: a DNS label
   * @param props the model, its registry, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ModelServingProps,
  ) {
    super(scope, id, { role: 'serving', longestSuffix: LONGEST_SUFFIX, instanceSuffix: SUFFIX });
    checkInputs('new ModelServing', { scope, id, props }, this);
    const name = this.componentName;
    this.placement = this._placement(props);
    this.plan = servingPlan(props, this.placement);
    this._image = this.plan.image;
    this._check(props, [
      ...servingRules(props, this.plan, this.placement),
      ...props.tracking._rules(this, this.placement),
    ]);
    this.model = props.model;
    this.url = `http://${this._serviceHost()}:${this.servicePort}`;
    this.metricsLabels = metricsLabels(this);
    this.tracking = props.tracking._connect(this, name, ServiceUserRole.SERVING, props.model.workspace);
    this.tracking.user?._mayEditIn(props.model.workspace, props.model.name);

    serviceAccount(this, accountAnnotations([this.tracking]));
    this.network();
    this.services();
    configMap(this, 'config-map', `${name}-programs`, programs(...SERVING_PROGRAMS));
    if (this.warmUpBody !== undefined) {
      configMap(this, 'warm-up-config-map', `${name}-warm-up`, { request: this.warmUpBody });
    }
    if (this.plan.exposed) configMap(this, 'proxy-config-map', `${name}-proxy`, this.proxyFiles);
    this.workload();
    this.autoscaling = this.plan.autoscaling;
    if (this.plan.autoscaling && !this.plan.autoscaling.byKeda) autoscaler(this, this.plan.autoscaling);
    if (this.plan.maxPods > 1) disruptionBudget(this);
    (props.exposure ?? Exposure.none())._bind(this, {
      service: name,
      port: { name: 'login', number: LOGIN_PORT },
      tls: props.tlsSecretName === undefined ? undefined : this.podTls,
      names: { ingress: `${name}-ingress`, route: `${name}-route`, tls: `${name}-tls` },
    });
  }

  private get podTls() {
    return { host: this._serviceHost(), authority: this.placement.authority };
  }

  private get warmUpBody(): string | undefined {
    return this.plan.warmUp._body;
  }

  private get proxyFiles(): Record<string, string> {
    const { authority } = this.placement;
    const { workspace } = this.model;
    const configuration = servingProxyConfiguration(this.plan, this.tracking.url, MODEL_PORT, { authority, workspace });
    return { 'nginx.conf': configuration, ...programs(SERVING_PROXY_PROGRAM) };
  }

  private get servicePort(): number {
    return this.props.service?.port ?? MODEL_PORT;
  }

  private network(): void {
    const network = new NetworkBoundary(this);
    for (const peer of this.props.clients ?? [{ podLabels: {} }]) network.allowFrom(peer, MODEL_PORT);
    if (this.plan.exposed) network.allowFrom({ anyone: true }, LOGIN_PORT);
    network.allowMetrics(MODEL_METRICS_PORT, this.props.metricsClients).allowDns().allowEgress(this.tracking.egress);
    network.allowEgress(this.plan.runtime._egress).allowEgress(this.props.egress);
    allowExtraPorts(network, this.props);
  }

  private services(): void {
    const appProtocol = this.props.tlsSecretName === undefined ? undefined : 'https';
    const login = { name: 'login', appProtocol, port: LOGIN_PORT, targetPort: 'login' };
    const { service: options } = this.props;
    const http = { name: 'http', port: this.servicePort, targetPort: 'http' };
    const ports = [http, ...(this.plan.exposed ? [login] : [])];
    service(
      this,
      'service',
      this.componentName,
      { ...serviceFields(options), selector: this.podSelector, ports },
      options,
    );
    metricsService(this, MODEL_METRICS_PORT);
  }

  private workload(): void {
    const { plan, model } = this;
    deployment(this, {
      replicas: plan.autoscaling ? undefined : plan.maxPods,
      labels: { app: this.componentName, ...(model.version !== undefined && { 'model-version': model.version }) },
      progressDeadlineSeconds: plan.startSeconds,
      pod: () => this.pod(),
    });
  }

  private pod() {
    const { plan } = this;
    return servingPod({
      name: this.componentName,
      model: this.model,
      plan,
      placement: this.placement,
      tracking: this.tracking,
      trackingUrl: this.tracking.url,
      environment: this.props.environment ?? {},
      secretVariables: secretVariables(this.props.secretEnvironment),
      options: this.props,
      warmUp: plan.warmUp._source(`${this.componentName}-warm-up`),
      configHash: contentHash({
        ...programs(...SERVING_PROGRAMS),
        request: this.warmUpBody ?? '',
        ...(plan.exposed && this.proxyFiles),
      }),
    });
  }
}
