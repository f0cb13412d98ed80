import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { METRICS_PORT, deployerPod } from './deployer-pod';
import { ModelDeployerProps } from './model-deployer-props';
import { ModelServing } from './model-serving';
import { TrackingConnection } from './tracking-endpoint';
import { Images } from '../images';
import { checkInputs } from '../inputs/inputs';
import { grantAccess } from '../kubernetes/access-grant';
import {
  configMap,
  disruptionBudget,
  metricsLabels,
  metricsService,
  serviceAccount,
} from '../kubernetes/common-objects';
import { Component } from '../kubernetes/component';
import { apiObject } from '../kubernetes/manifest';
import { NetworkBoundary, peerRules } from '../kubernetes/network-boundary';
import { PlacementOptions, mirrored } from '../kubernetes/pod-options';
import { contentHash, programs } from '../kubernetes/program';
import { LOG_SPACE, mergeResources, resourceRules } from '../kubernetes/resources';
import { check, imageRule, wholeRule } from '../kubernetes/rules';

const defaultResources: ContainerResources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
  ephemeralStorage: LOG_SPACE,
};

/**
 * Follows the registry: when an alias or a stage moves, it sets the version of the servings that follow it, watches the
 * rollout, goes back where it fails, and writes what came of it onto the model version.
 *
 * In the namespace of a serving it may get and patch that one Deployment and create Events; in its own it may make Leases
 * and change its own. It sees no pods, no Secrets and no logs.
 *
 * Objects, by the ids for `apiObject()`: `deployment`, `role`, `role-binding`, `config-map` (program),
 * `targets-config-map`, `metrics-service`, `disruption-budget`, `service-account`, `network-policy`; and of each serving
 * `deployer-role` and `deployer-role-binding`.
 */
export class ModelDeployer extends Component {
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;

  private readonly servings: ModelServing[] = [];
  private readonly tracking: TrackingConnection;
  private readonly placement: PlacementOptions;

  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the resources: a DNS label
   * @param props the registry that is followed, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ModelDeployerProps,
  ) {
    super(scope, id, 'deployer', '-targets');
    checkInputs('new ModelDeployer', { scope, id, props }, this);
    const name = this.componentName;
    this.placement = this._placement(props);
    check(this, [
      imageRule(this.image),
      ...resourceRules(this.resources),
      wholeRule('replicas', props.replicas, 1),
      {
        wrong: !(this.pollSeconds >= 1 && this.pollSeconds <= 3600),
        given: `pollSeconds is ${props.pollSeconds}`,
        want: 'expected a number from 1 to 3600',
      },
      ...peerRules('metricsClients', props.metricsClients),
      {
        wrong: this.namespace === undefined,
        given: 'the chart has no namespace',
        want: "expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' }): RoleBindings name it",
      },
    ]);
    this.metricsLabels = metricsLabels(this);
    this.tracking = props.tracking._connect(this, 'deployer', 'deployer');
    serviceAccount(this, 'service-account', name);
    this.lease();
    configMap(this, 'config-map', `${name}-program`, () => programs('deployer.js'));
    configMap(this, 'targets-config-map', `${name}-targets`, () => this.targets());
    const network = new NetworkBoundary(this, 'network-policy', name, this.podSelector);
    network
      .allowMetrics(METRICS_PORT, props.metricsClients)
      .allowDns()
      .allowApiServer(this.placement.apiServerEgress)
      .allowEgress(this.tracking.egress);
    metricsService(this, METRICS_PORT);
    this.deployment();
    if (this.replicas > 1) disruptionBudget(this);
  }

  /**
   * Has it follow a serving's alias or stage. Servings that `addModelServing` makes are followed without being named here.
   *
   * @param serving one with `RegisteredModel.byAlias` or `byStage`, in the same app
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
    this.tracking.letEdit?.(model.name);
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
    return mergeResources(defaultResources, this.props.resources);
  }

  private get replicas(): number {
    return this.props.replicas ?? 1;
  }

  private get pollSeconds(): number {
    return this.props.pollSeconds ?? 5;
  }

  /** What runtime/deployer/targets.ts reads; a line for each, so that a thousand fit into what `kubectl apply` takes. */
  private targets(): Record<string, string> {
    const targets = this.servings.map(({ namespace, componentName, model }) =>
      JSON.stringify({
        namespace,
        deployment: componentName,
        model: model.name,
        alias: model.alias,
        stage: model.stage,
      }),
    );
    const settings = JSON.stringify(this.settings()).slice(0, -1);
    return { 'targets.json': `${settings},"targets":[${targets.map((line) => `\n${line}`).join()}\n]}\n` };
  }

  private settings() {
    return { pollSeconds: this.pollSeconds, trackingUri: this.tracking.url };
  }

  /** It makes its Lease by itself: one in the YAML is left out by Argo CD (`resource.exclusions`). */
  private lease(): void {
    const name = this.componentName;
    const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
    grantAccess(this, '', {
      name,
      rules: [
        { ...leases, resourceNames: [name], verbs: ['get', 'update'] },
        // Nobody can be told which name a new object may have.
        { ...leases, verbs: ['create'] },
      ],
      account: { name, namespace: this.namespace },
    });
  }

  private deployment(): void {
    apiObject(this, 'deployment', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: this.componentName,
      labels: this.labels,
      body: {
        spec: () => ({
          replicas: this.replicas,
          revisionHistoryLimit: 5,
          selector: { matchLabels: this.podSelector },
          // The Lease keeps two from working at once.
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: deployerPod({
            name: this.componentName,
            labels: this.labels,
            selector: this.podSelector,
            image: this.image,
            resources: this.resources,
            placement: this.placement,
            tracking: this.tracking,
            configHash: contentHash({ ...programs('deployer.js'), settings: JSON.stringify(this.settings()) }),
          }),
        }),
      },
    });
  }
}
