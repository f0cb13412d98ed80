import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { statefulSet } from '../component/workloads';
import { LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { IArtifactStore } from './artifact-store';
import { bucketRule } from './bucket-rules';
import { embeddedStoreConnection, storeLogin } from './s3-connection';
import { S3_PORT, SEAWEED_METRICS_PORT, SEAWEED_SCRIPT, seaweedPod, seaweedResources } from './seaweed-pod';
import { SeaweedStoreProps } from './seaweed-store-props';
import { Component } from '../component/component';
import { metricsRules } from '../component/metrics-rules';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { contentHash, programVolume, programs, withRevisionKey } from '../component/program';
import { configMap, metricsLabels, metricsService, service, serviceAccount } from '../component/standard-objects';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { peerRules } from '../kubernetes/network-peer';
import { mebibytes, mergeResources, resourceRules, sizeRule, storageClassRules } from '../kubernetes/resources';
import { Rule, check, imageRule, sameNamespaceRule } from '../kubernetes/rules';

/** The suffix that Kubernetes adds to the name, for the label `controller-revision-hash` of the pod. */
const LONGEST_SUFFIX = '-0123456789';

const LEAST_STORAGE = Size.gibibytes(5);

/**
 * SeaweedFS, an S3 store under the Apache License 2.0, with one private bucket for MLflow's artifacts: one pod with one
 * volume. It writes every object to the disk before it answers, and keeps no old versions.
 *
 * Objects, by the ids for `apiObject()`: `stateful-set`, `service`, `config-map`, `service-account`, `network-policy`; with
 * metrics `metrics-service`.
 */
export class SeaweedStore extends Component implements IArtifactStore, IMetricsTarget {
  public readonly sharedByReplicas = true;
  /** False: only the platform can reach the store, and its keys are only in the cluster. */
  public readonly reachableByClients = false;
  public readonly uri: string;
  /** Name of the bucket. */
  public readonly bucket: string;
  /** URL of the S3 endpoint inside the cluster. */
  public readonly endpoint: string;
  /** Labels of the Service that has the metrics. */
  public readonly metricsLabels: Record<string, string>;
  /** HTTP path of the metrics. */
  public readonly metricsPath: string = '/metrics';
  /** True with `metrics: true`. */
  public readonly hasMetrics: boolean;
  /** Always undefined: the metrics have plain HTTP. */
  public readonly metricsTls?: MetricsTls;

  private readonly image: string;
  private readonly placement: PlacementOptions;
  private readonly root: LoginReference;
  private readonly login: LoginReference;
  private readonly network: NetworkBoundary;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources: a DNS label
   * @param props options. Each has a default: a volume of 100Gi
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: SeaweedStoreProps = {},
  ) {
    super(scope, id, { role: 'seaweedfs', longestSuffix: LONGEST_SUFFIX });
    checkInputs('new SeaweedStore', { scope, id, props }, this);
    this.placement = this._placement(props);
    this.image = props.image ?? mirrored(Images.SEAWEEDFS, this.placement);
    this._image = this.image;
    this.bucket = props.bucket ?? 'mlflow';
    this.uri = `s3://${this.bucket}`;
    this.endpoint = `http://${this._serviceHost()}:${S3_PORT}`;
    this._check(props, [
      imageRule(this.image),
      sizeRule('storage', this.storage),
      leastStorageRule(this.storage),
      ...storageClassRules(props.storageClassName),
      ...resourceRules(this.resources),
      bucketRule(this.bucket),
      ...peerRules('metricsClients', props.metricsClients),
      ...metricsRules(props.metrics, { metricsClients: props.metricsClients }),
    ]);
    this.hasMetrics = props.metrics ?? false;
    this.metricsLabels = metricsLabels(this);
    this.root = storeLogin(this, 'rootCredentials', `${this.componentName}-secret`, props.rootCredentials);
    this.login = storeLogin(this, 'credentials', `${this.instanceName}-s3-secret`, props.credentials);
    serviceAccount(this);
    this.services();
    this.network = new NetworkBoundary(this);
    if (this.hasMetrics) this.network.allowMetrics(SEAWEED_METRICS_PORT, props.metricsClients);
    this.workload();
  }

  /**
   * Registers a client. Returns what its pods need to connect.
   *
   * @param client the workload that connects, from the namespace of the store
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('SeaweedStore#connectFrom', { client }, this);
    const instead = 'ArtifactStore.fromBucket(…)';
    check(this, clientRules(client));
    check(client.name, [sameNamespaceRule('the store', this.namespace, client.namespace, instead)]);
    this.network.allowFrom({ podLabels: client.podLabels }, S3_PORT);
    const egress = { peer: { podLabels: this.podSelector }, port: S3_PORT };
    return embeddedStoreConnection(this.endpoint, this.login, egress);
  }

  private get storage(): Size {
    return this.props.storage ?? Size.gibibytes(100);
  }

  private get resources(): ContainerResources {
    return mergeResources(seaweedResources, this.props.resources);
  }

  private services(): void {
    const ports = [{ name: 's3', port: S3_PORT, targetPort: 's3' }];
    service(this, 'service', this.componentName, { type: 'ClusterIP', selector: this.podSelector, ports });
    if (this.hasMetrics) metricsService(this, SEAWEED_METRICS_PORT);
  }

  private workload(): void {
    const { componentName, image, resources, placement, root, login, bucket, hasMetrics: metrics } = this;
    const files = withRevisionKey(programs(SEAWEED_SCRIPT));
    configMap(this, 'config-map', componentName, files);
    statefulSet(this, {
      serviceName: componentName,
      replicas: 1,
      volume: { name: 'seaweedfs-data', size: this.storage, storageClassName: this.props.storageClassName },
      pod: () =>
        seaweedPod({
          ...{ image, resources, placement, root, login, bucket, metrics },
          configHash: contentHash(programs(SEAWEED_SCRIPT)),
          program: programVolume(componentName, files),
        }),
    });
  }
}

function leastStorageRule(storage: Size): Rule {
  return {
    wrong: mebibytes(storage) > 0 && mebibytes(storage) < mebibytes(LEAST_STORAGE),
    given: `storage is ${storage.asString()}`,
    want: `expected at least ${LEAST_STORAGE.asString()}, e.g. Size.gibibytes(50): each bucket takes several files of up to 1Gi`,
  };
}
