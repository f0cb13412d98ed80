import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { statefulSet } from '../component/workloads';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { IArtifactStore } from './artifact-store';
import { bucketRule } from './bucket-rules';
import { API_PORT, CONSOLE_PORT, MINIO_METRICS_PATH, minioPod } from './minio-pod';
import { MinioStoreProps } from './minio-store-props';
import { topologyRules } from './minio-topology';
import {
  AUTHORITY_KEY,
  STORE_FILES,
  authorityFiles,
  embeddedStoreConnection,
  s3Login,
  storeLogin,
} from './s3-connection';
import { ICertifiedService } from '../component/certified-service';
import { Component } from '../component/component';
import { disruptionBudget } from '../component/disruption-budget';
import { metricsRules } from '../component/metrics-rules';
import { IMetricsTarget, MetricsTls } from '../component/metrics-target';
import { NetworkBoundary } from '../component/network-boundary';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { SET_UP_SUFFIX, SetUpJob } from '../component/set-up-job';
import { metricsLabels, metricsService, service, serviceAccount } from '../component/standard-objects';
import { checkInputs } from '../inputs/inputs';
import { Connection, ConnectionClient, clientRules } from '../kubernetes/connection';
import { peerRules } from '../kubernetes/network-peer';
import { mergeResources, resourceRules, sizeRule, storageClassRules, storeResources } from '../kubernetes/resources';
import { check, imageRule, objectNameRule, sameNamespaceRule } from '../kubernetes/rules';
import { ANY_USER } from '../kubernetes/security';

/**
 * An S3 store of the MinIO family, with one private bucket for MLflow's artifacts. Its default image is Silo, the maintained
 * fork; an image of MinIO works too.
 *
 * Objects, by the ids for `apiObject()`: `stateful-set`, `service`, `service-account`, `network-policy`; with several
 * replicas `headless-service` and `disruption-budget`; with metrics `metrics-service`; of the set-up: `set-up/job`,
 * `set-up/config-map`, `set-up/service-account`, `set-up/network-policy`.
 */
export class MinioStore extends Component implements IArtifactStore, IMetricsTarget, ICertifiedService {
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
  /** HTTP path of the metrics: each pod returns those of all pods. */
  public readonly metricsPath: string = MINIO_METRICS_PATH;
  /** How the metrics are read by https, with `tlsSecretName`. */
  public readonly metricsTls?: MetricsTls;
  /** True with `metrics: true`. */
  public readonly hasMetrics: boolean;

  private readonly replicas: number;
  private readonly image: string;
  private readonly placement: PlacementOptions;
  private readonly root: LoginReference;
  private readonly login: LoginReference;
  private readonly network: NetworkBoundary;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the resources: a DNS label
   * @param props options. Each has a default: Silo with one pod and a volume of 100Gi
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: MinioStoreProps = {},
  ) {
    super(scope, id, { role: 'minio', longestSuffix: SET_UP_SUFFIX });
    checkInputs('new MinioStore', { scope, id, props }, this);
    this.placement = this._placement(props);
    this.image = props.image ?? mirrored(Images.SILO, this.placement);
    this._image = this.image;
    this.replicas = props.replicas ?? 1;
    this.bucket = props.bucket ?? 'mlflow';
    this.uri = `s3://${this.bucket}`;
    const scheme = props.tlsSecretName === undefined ? 'http' : 'https';
    this.endpoint = `${scheme}://${this._serviceHost()}:${API_PORT}`;
    this._check(props, [
      imageRule(this.image),
      sizeRule('storage', this.storage),
      ...storageClassRules(props.storageClassName),
      ...resourceRules(this.resources),
      bucketRule(this.bucket),
      ...(props.tlsSecretName === undefined
        ? []
        : [objectNameRule('tlsSecretName', props.tlsSecretName, 'mlflow-minio-tls')]),
      ...topologyRules(this.replicas),
      ...peerRules('consoleClients', props.consoleClients),
      ...peerRules('metricsClients', props.metricsClients),
      ...metricsRules(props.metrics, { metricsClients: props.metricsClients }),
    ]);
    this.hasMetrics = props.metrics ?? false;
    if (props.tlsSecretName) this.metricsTls = { authoritySecretName: props.tlsSecretName, host: this._serviceHost() };
    this.metricsLabels = metricsLabels(this);
    this.root = this.rootLogin();
    this.login = storeLogin(this, 'credentials', `${this.instanceName}-s3-secret`, props.credentials);
    serviceAccount(this);
    this.services();
    this.network = this.boundary();
    this.workload();
    this.setUp();
  }

  /**
   * Registers a client. Returns what its pods need to connect.
   *
   * @param client the workload that connects, from the namespace of the store
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('MinioStore#connectFrom', { client }, this);
    const instead = 'ArtifactStore.fromBucket(…)';
    check(this, clientRules(client));
    check(client.name, [sameNamespaceRule('the store', this.namespace, client.namespace, instead)]);
    this.network.allowFrom({ podLabels: client.podLabels }, API_PORT);
    return embeddedStoreConnection(this.endpoint, this.login, this.egress(), this.props.tlsSecretName);
  }

  private get storage(): Size {
    return this.props.storage ?? Size.gibibytes(100);
  }

  private get resources(): ContainerResources {
    return mergeResources(storeResources, this.props.resources);
  }

  private get distributed(): boolean {
    return this.replicas > 1;
  }

  /** The Service that gives the pods their names. */
  private get governingService(): string {
    return this.distributed ? `${this.componentName}-headless` : this.componentName;
  }

  private rootLogin(): LoginReference {
    return (this.props.rootCredentials ?? Credentials.generated())._login(this, {
      prop: 'rootCredentials',
      secretName: `${this.componentName}-secret`,
      usernameKey: 'MINIO_ROOT_USER',
      passwordKey: 'MINIO_ROOT_PASSWORD',
      // A random user name: before the fix of CVE-2026-41145, a client that knew the name could write objects.
      username: { generate: 'access-key' },
      password: { generate: 'password' },
    });
  }

  private services(): void {
    const api = { name: 'api', port: API_PORT, targetPort: 'api' };
    const console = { name: 'console', port: CONSOLE_PORT, targetPort: 'console' };
    const selector = this.podSelector;
    service(this, 'service', this.componentName, { type: 'ClusterIP', selector, ports: [api, console] });
    if (this.hasMetrics) metricsService(this, API_PORT, 'api');
    if (!this.distributed) return;
    // The servers must find each other before any of them is ready.
    const spec = { clusterIP: 'None', publishNotReadyAddresses: true, selector, ports: [api] };
    service(this, 'headless-service', this.governingService, spec);
    disruptionBudget(this);
  }

  private boundary(): NetworkBoundary {
    const network = new NetworkBoundary(this);
    for (const peer of this.props.consoleClients ?? []) network.allowFrom(peer, CONSOLE_PORT);
    if (this.hasMetrics) network.allowMetrics(API_PORT, this.props.metricsClients);
    const self = { podLabels: this.podSelector };
    return this.distributed ? network.allowDns().allowFrom(self, API_PORT).allowTo(self, API_PORT) : network;
  }

  private workload(): void {
    const { componentName: name, image, resources, placement, root, replicas, governingService } = this;
    statefulSet(this, {
      serviceName: governingService,
      replicas,
      parallel: this.distributed,
      volume: { name: 'minio-data', size: this.storage, storageClassName: this.props.storageClassName },
      pod: () =>
        minioPod({
          ...{ name, image, resources, placement, root, replicas, governingService },
          publicMetrics: this.hasMetrics,
          tlsSecretName: this.props.tlsSecretName,
        }),
    });
  }

  private setUp(): void {
    const { root } = this;
    const { tlsSecretName } = this.props;
    const setUp = new SetUpJob(this, {
      image: this.image,
      user: ANY_USER,
      placement: this.placement,
      script: 'setup-bucket.sh',
      environment: () => ({
        ENDPOINT: this.endpoint,
        BUCKET: this.bucket,
        MC_CONFIG_DIR: '/tmp/mc',
        ...(tlsSecretName && { SSL_CERT_FILE: `${STORE_FILES}/${AUTHORITY_KEY}` }),
        ...(this.props.versioning && { VERSIONING: 'enabled' }),
      }),
      secretVariables: [
        { variable: 'ROOT_USER', secretName: root.secretName, key: root.usernameKey },
        { variable: 'ROOT_PASSWORD', secretName: root.secretName, key: root.passwordKey },
        ...s3Login(this.login),
      ],
      secretFiles: authorityFiles(tlsSecretName),
      egress: [this.egress()],
    });
    this.network.allowFrom({ podLabels: setUp.podSelector }, API_PORT);
  }

  private egress() {
    return { peer: { podLabels: this.podSelector }, port: API_PORT };
  }
}
