import { Duration, Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { DEPLOYER_FOLDERS, METRICS_PORT, TAKEN_IN_DEPLOYER, deployerPod } from './deployer-pod';
import { ModelDeployerOptions, ModelDeployerProps } from './model-deployer-props';
import { ModelServing } from './model-serving';
import { TrackingConnection } from './tracking-endpoint';
import type { DeployerTarget, DeployerTargets } from '../../runtime/deployer/targets';
import { grantAccess } from '../component/access-grant';
import { Component } from '../component/component';
import { disruptionBudget } from '../component/disruption-budget';
import { extraContainerRules } from '../component/extra-container-rules';
import { allowExtraPorts } from '../component/extra-containers';
import { volumeDisk, volumePaths } from '../component/extra-volume';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { contentHash, programs } from '../component/program';
import { configMap, metricsLabels, metricsService, serviceAccount } from '../component/standard-objects';
import { deployment } from '../component/workloads';
import { Images } from '../images';
import { checkInputs } from '../inputs/inputs';
import { durationRule, seconds } from '../kubernetes/durations';
import { mountedFilesRules } from '../kubernetes/mounted-files';
import { egressRules, peerRules } from '../kubernetes/network-peer';
import { LOG_SPACE, mebibytes, mergeResources, resourceRules } from '../kubernetes/resources';
import { Rule, check, imageRule, wholeRule } from '../kubernetes/rules';
import { ServiceUserRole } from '../nginx/service-user-role';

const POLL_INTERVAL = Duration.seconds(5);

const defaultResources: ContainerResources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

function deployerResources({ resources, volumes }: ModelDeployerOptions): ContainerResources {
  const { request, limit } = LOG_SPACE;
  const ephemeralStorage = { request, limit: Size.mebibytes(mebibytes(limit) + volumeDisk(volumes)) };
  return mergeResources({ ...defaultResources, ephemeralStorage }, resources);
}

/** What is wrong with the options of a deployer. `prefix` is the path of the prop that has them. */
export function deployerRules(props: ModelDeployerOptions = {}, prefix = ''): Rule[] {
  return [
    ...resourceRules(deployerResources(props), `${prefix}resources`),
    wholeRule(`${prefix}replicas`, props.replicas, 1),
    durationRule(`${prefix}pollInterval`, props.pollInterval, 1, 3600),
    ...peerRules(`${prefix}metricsClients`, props.metricsClients),
    ...egressRules(`${prefix}egress`, props.egress),
    ...[
      ...mountedFilesRules([], DEPLOYER_FOLDERS, volumePaths(props.volumes)),
      ...extraContainerRules(props, TAKEN_IN_DEPLOYER),
    ].map((rule) => ({ ...rule, given: `${prefix}${rule.given}` })),
  ];
}

/**
 * Follows the registry: when an alias or a stage moves, it sets the version of the servings that follow it, watches the
 * rollout, rolls back if it fails, and writes the outcome onto the model version as tags.
 *
 * In the namespace of a serving it may get and patch that one Deployment and create Events; in its own it may make Leases
 * and change its own. It sees no pods, no Secrets and no logs.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `role`, `role-binding`, `config-map` (program),
 * `targets-config-map`, `metrics-service`, `disruption-budget`, `service-account`, `network-policy`; and of each serving
 * `deployer-role` and `deployer-role-binding`.
 */
export class ModelDeployer extends Component implements IMetricsTarget {
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics. */
  public readonly metricsPath: string = '/metrics';
  /** Always true. */
  public readonly hasMetrics: boolean = true;
  /** Always undefined: the metrics have plain HTTP. */
  public readonly metricsTls?: MetricsTls;

  private readonly servings: ModelServing[] = [];
  private readonly tracking: TrackingConnection;
  private readonly placement: PlacementOptions;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources: a DNS label
   * @param props the registry that is followed, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ModelDeployerProps,
  ) {
    super(scope, id, { role: 'deployer', longestSuffix: '-targets' });
    checkInputs('new ModelDeployer', { scope, id, props }, this);
    const name = this.componentName;
    this.placement = this._placement(props);
    this._image = this.image;
    this._check(props, [
      imageRule(this.image),
      ...deployerRules(props),
      ...props.tracking._rules(this, this.placement),
      {
        wrong: this.namespace === undefined,
        given: 'the chart has no namespace',
        want: "expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' }): RoleBindings name it",
      },
    ]);
    this.metricsLabels = metricsLabels(this);
    this.tracking = props.tracking._connect(this, 'deployer', ServiceUserRole.DEPLOYER);
    serviceAccount(this);
    this.lease();
    configMap(this, 'config-map', `${name}-program`, () => programs('deployer.js'));
    configMap(this, 'targets-config-map', `${name}-targets`, () => this.targets());
    const network = new NetworkBoundary(this);
    network
      .allowMetrics(METRICS_PORT, props.metricsClients)
      .allowDns()
      .allowApiServer(this.placement.apiServerEgress)
      .allowEgress(this.tracking.egress)
      .allowEgress(props.egress);
    allowExtraPorts(network, props);
    metricsService(this, METRICS_PORT);
    this.workload();
    if (this.replicas > 1) disruptionBudget(this);
  }

  /**
   * Follows the alias or stage of a serving. Servings of `addModelServing` are followed without this call.
   *
   * @param serving with `RegisteredModel.byAlias` or `byStage`, in the same app
   */
  public follow(serving: ModelServing): void {
    checkInputs('ModelDeployer#follow', { serving }, this);
    const { model } = serving;
    check(this, [
      {
        wrong: model.version !== undefined,
        given: `the serving ${serving.node.path} has the version '${model.version}'`,
        want: "expected RegisteredModel.byAlias(…) or byStage(…): a fixed version is the YAML's, and nothing is to be followed",
      },
      {
        wrong: serving.node.tryFindChild('deployer-role') !== undefined,
        given: `the serving ${serving.node.path} is followed already`,
        want: 'expected one deployer for it, named once: addModelServing does that by itself',
      },
      {
        wrong: serving.namespace === undefined,
        given: `the chart of the serving ${serving.node.path} has no namespace`,
        want: "expected one, new Chart(app, 'ml-serving', { namespace: 'ml-serving' })",
      },
    ]);
    this.servings.push(serving);
    this.tracking.user?._mayEditIn(model.workspace, model.name);
    grantAccess(serving, 'deployer-', {
      name: `${serving.componentName}-deployer`,
      rules: [
        {
          apiGroups: ['apps'],
          resources: ['deployments'],
          resourceNames: [serving.componentName],
          verbs: ['get', 'patch'],
        },
        { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
      ],
      account: { name: this.componentName, namespace: this.namespace },
    });
  }

  private get image(): string {
    return this.props.image ?? mirrored(Images.NODE, this.placement);
  }

  private get resources(): ContainerResources {
    return deployerResources(this.props);
  }

  private get replicas(): number {
    return this.props.replicas ?? 1;
  }

  private get pollSeconds(): number {
    return seconds(this.props.pollInterval ?? POLL_INTERVAL);
  }

  /** The input of runtime/deployer/targets.ts. One line each, so that a thousand fit into the limit of `kubectl apply`. */
  private targets(): Record<string, string> {
    const targets = this.servings
      .map(({ namespace, componentName, model }): Omit<DeployerTarget, 'container' | 'initContainer'> => ({
        namespace: namespace!,
        deployment: componentName,
        model: model.name,
        alias: model.alias,
        stage: model.stage,
        workspace: model.workspace,
      }))
      .map((target) => JSON.stringify(target));
    const settings = JSON.stringify(this.settings()).slice(0, -1);
    return { 'targets.json': `${settings},"targets":[${targets.map((line) => `\n${line}`).join()}\n]}\n` };
  }

  private settings(): Omit<DeployerTargets, 'targets'> {
    return { pollSeconds: this.pollSeconds, trackingUri: this.tracking.url };
  }

  /** Its program creates the Lease, because Argo CD does not apply Leases (`resource.exclusions`). */
  private lease(): void {
    const name = this.componentName;
    const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
    grantAccess(this, '', {
      name,
      rules: [
        { ...leases, resourceNames: [name], verbs: ['get', 'update'] },
        // RBAC cannot restrict the name of a new object.
        { ...leases, verbs: ['create'] },
      ],
      account: { name, namespace: this.namespace },
    });
  }

  private workload(): void {
    deployment(this, {
      replicas: this.replicas,
      // The Lease keeps two from working at once.
      pod: () =>
        deployerPod({
          name: this.componentName,
          image: this.image,
          resources: this.resources,
          placement: this.placement,
          tracking: this.tracking,
          options: this.props,
          configHash: contentHash({ ...programs('deployer.js'), settings: JSON.stringify(this.settings()) }),
        }),
    });
  }
}
