import { Size } from 'cdk8s';
import { Construct } from 'constructs';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { IArtifactStore } from './artifact-store';
import { bucketRule } from './bucket-rules';
import { API_PORT, CONSOLE_PORT, minioPod } from './minio-pod';
import { MinioStoreProps } from './minio-store-props';
import { topologyRules } from './minio-topology';
import { ACCESS_KEY, SECRET_KEY, addressingStyle, s3Login } from './s3-connection';
import { checkInputs } from '../inputs/inputs';
import { disruptionBudget, service, serviceAccount } from '../kubernetes/common-objects';
import { Component } from '../kubernetes/component';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { apiObject } from '../kubernetes/manifest';
import { NetworkBoundary, peerRules } from '../kubernetes/network-boundary';
import { claimTemplate } from '../kubernetes/pod';
import { mirrored } from '../kubernetes/pod-options';
import { mergeResources, resourceRules, sizeRule, storageClassRules, storeResources } from '../kubernetes/resources';
import { check, imageRule, sameNamespaceRule } from '../kubernetes/rules';
import { ANY_USER } from '../kubernetes/security';
import { SET_UP_SUFFIX, SetUpJob } from '../kubernetes/set-up-job';

/**
 * An S3 store of the MinIO family, with one private bucket for MLflow's artifacts. It runs Silo, the maintained fork, and
 * an image of MinIO as well.
 *
 * Objects, by the ids for `apiObject()`: `stateful-set`, `service`, `service-account`, `network-policy`; with several
 * replicas `headless-service` and `disruption-budget`; of the set-up: `set-up/job`, `set-up/config-map`,
 * `set-up/service-account`, `set-up/network-policy`.
 */
export class MinioStore extends Component implements IArtifactStore {
  public readonly sharedByReplicas = true;
  /** False: the store is open to the platform alone, and its keys are in the cluster alone. */
  public readonly reachableByClients = false;
  public readonly uri: string;
  /** Name of the bucket. */
  public readonly bucket: string;
  /** URL of the S3 endpoint inside the cluster. */
  public readonly endpoint: string;

  private readonly login: LoginReference;
  private readonly network: NetworkBoundary;

  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the resources: a DNS label
   * @param props options; without any, Silo with one pod and a volume of 100Gi
   */
  constructor(scope: Construct, id: string, props: MinioStoreProps = {}) {
    super(scope, id, 'minio', SET_UP_SUFFIX);
    checkInputs('new MinioStore', { scope, id, props }, this);
    const name = this.componentName;
    const storage = props.storage ?? Size.gibibytes(100);
    const placement = this._placement(props);
    const image = props.image ?? mirrored(Images.SILO, placement);
    const replicas = props.replicas ?? 1;
    const resources = mergeResources(storeResources, props.resources);
    this.bucket = props.bucket ?? 'mlflow';
    this.uri = `s3://${this.bucket}`;
    this.endpoint = `http://${this._serviceHost()}:${API_PORT}`;
    check(this, [
      imageRule(image),
      sizeRule('storage', storage),
      ...storageClassRules(props.storageClassName),
      ...resourceRules(resources),
      bucketRule(this.bucket),
      ...topologyRules(replicas),
      ...peerRules('consoleClients', props.consoleClients),
    ]);

    const root = (props.rootCredentials ?? Credentials.generated())._login(this, {
      prop: 'rootCredentials',
      secretName: `${name}-secret`,
      usernameKey: 'MINIO_ROOT_USER',
      passwordKey: 'MINIO_ROOT_PASSWORD',
      // Not a name that all know: up to CVE-2026-41145 the name alone was enough to write objects.
      username: { generate: 'access-key' },
      password: { generate: 'password' },
    });
    this.login = (props.credentials ?? Credentials.generated())._login(this, {
      prop: 'credentials',
      secretName: `${this.instanceName}-s3-secret`,
      usernameKey: ACCESS_KEY,
      passwordKey: SECRET_KEY,
      username: { generate: 'access-key' },
      password: { generate: 'password' },
    });

    serviceAccount(this, 'service-account', name);
    const ports = [
      { name: 'api', port: API_PORT, targetPort: 'api' },
      { name: 'console', port: CONSOLE_PORT, targetPort: 'console' },
    ];
    service(this, 'service', name, { type: 'ClusterIP', selector: this.podSelector, ports });
    const distributed = replicas > 1;
    const governing = distributed ? `${name}-headless` : name;
    if (distributed) {
      // The servers look for each other before any of them is ready.
      const [api] = ports;
      const spec = { clusterIP: 'None', publishNotReadyAddresses: true, selector: this.podSelector, ports: [api] };
      service(this, 'headless-service', governing, spec);
      disruptionBudget(this);
    }
    this.network = new NetworkBoundary(this, 'network-policy', name, this.podSelector);
    for (const peer of props.consoleClients ?? []) this.network.allowFrom(peer, CONSOLE_PORT);
    if (distributed) {
      const self = { podLabels: this.podSelector };
      this.network.allowDns().allowFrom(self, API_PORT).allowTo(self, API_PORT);
    }
    apiObject(this, 'stateful-set', {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      name,
      labels: this.labels,
      body: {
        spec: {
          serviceName: governing,
          replicas,
          podManagementPolicy: distributed ? 'Parallel' : undefined,
          selector: { matchLabels: this.podSelector },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
          template: minioPod({
            name,
            labels: this.labels,
            selector: this.podSelector,
            image,
            resources,
            placement,
            root,
            replicas,
            governing,
          }),
          volumeClaimTemplates: [claimTemplate('minio-data', storage, props.storageClassName)],
        },
      },
    });
    const setUp = new SetUpJob(this, {
      image,
      user: ANY_USER,
      placement,
      script: 'setup-bucket.sh',
      environment: () => ({
        ENDPOINT: this.endpoint,
        BUCKET: this.bucket,
        MC_CONFIG_DIR: '/tmp/mc',
        ...(props.versioning && { VERSIONING: 'enabled' }),
      }),
      secretVariables: [
        { variable: 'ROOT_USER', secretName: root.secretName, key: root.usernameKey },
        { variable: 'ROOT_PASSWORD', secretName: root.secretName, key: root.passwordKey },
        ...s3Login(this.login),
      ],
      egress: [this.egress()],
    });
    this.network.allowFrom({ podLabels: setUp.podSelector }, API_PORT);
  }

  /**
   * Says who will connect and tells what its pods need for it.
   *
   * @param client who connects, from the namespace of the store
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('MinioStore#connectFrom', { client }, this);
    const instead = 'ArtifactStore.s3(…)';
    check(client.name, [sameNamespaceRule('the store', this.namespace, client.namespace, instead)]);
    this.network.allowFrom({ podLabels: client.podLabels }, API_PORT);
    return {
      environment: {
        MLFLOW_S3_ENDPOINT_URL: this.endpoint,
        AWS_DEFAULT_REGION: 'us-east-1',
        ...addressingStyle('path'),
      },
      secretVariables: s3Login(this.login),
      egress: [this.egress()],
    };
  }

  private egress() {
    return { peer: { podLabels: this.podSelector }, port: API_PORT };
  }
}
