import { Chart, Duration, Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { RegisteredModel } from './registered-model';
import { ServingRuntime } from './serving-runtime';
import { TrackingEndpoint } from './tracking-endpoint';
import { WarmUp } from './warm-up';
import { Autoscaling } from '../component/autoscaling';
import { ExtraContainerOptions } from '../component/extra-container-props';
import { HardwareOptions } from '../component/hardware-options';
import { PlacementOptions } from '../component/pod-options';
import { SecretAndFileOptions } from '../component/secret-and-file-options';
import { ServiceOptions } from '../component/service-options';
import { Exposure } from '../exposure/exposure';
import { EgressRule, NetworkPeer } from '../kubernetes/network-peer';

/** Options of a serving, with or without a platform. */
export interface ModelServingOptions
  extends PlacementOptions, HardwareOptions, ExtraContainerOptions, SecretAndFileOptions {
  /** What is served. */
  readonly model: RegisteredModel;
  /**
   * What it runs in.
   * @default ServingRuntime.offline() - MLflow's unchanged image
   */
  readonly runtime?: ServingRuntime;
  /**
   * Bounds of the number of pods: a HorizontalPodAutoscaler.
   * @default - 3 to 10 pods at 70 % CPU
   */
  readonly autoscaling?: Autoscaling;
  /**
   * A fixed number of pods instead of autoscaling: `replicas` of the Deployment.
   * @default - autoscaling
   */
  readonly replicas?: number;
  /**
   * `resources` of the container `model-server`, and of `download-model` before it. What is left out keeps the default.
   * `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and `MKL_NUM_THREADS` are the CPU limit, unless `environment` has them.
   * @default - requests 500m and 1Gi, limits 2 and 4Gi; ephemeral storage, both: what modelSpace, packages and /tmp hold
   */
  readonly resources?: ContainerResources;
  /**
   * Who may connect to the scoring server, port `http` (8080) of the pods, by NetworkPolicy: that port has no
   * login.
   * @default - the pods of the same namespace
   */
  readonly clients?: NetworkPeer[];
  /**
   * Who may read the metrics, port `metrics` (9090) of the pods, by NetworkPolicy.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Destinations that the pods may connect to besides the registry and the package index, by NetworkPolicy: a store that clients read directly,
   * what a model calls.
   * @default - nowhere
   */
  readonly egress?: EgressRule[];
  /**
   * How people outside the cluster reach it: an Ingress `<id>-serving-ingress` or an HTTPRoute `<id>-serving-route`,
   * behind the login of the tracking server (nginx in the same pod asks it for each request).
   * @default Exposure.none()
   */
  readonly exposure?: Exposure;
  /**
   * Fields of the serving's Service: port, annotations, families of addresses. Its type is always ClusterIP, because the port
   * `http` asks for no login: use an `exposure` for clients outside the cluster.
   * @default - a Service of type ClusterIP, port 8080
   */
  readonly service?: ServiceOptions;
  /**
   * Name of a Secret of type `kubernetes.io/tls`, in the namespace of the serving, with which nginx serves https, and no plain
   * HTTP, on the port of the exposure (`login`, 8081): TLS from the Ingress or the Gateway to the pod. The certificate must name
   * the Service: `churn-serving.<namespace>.svc`, as `ServiceCertificate` has it. A renewed certificate is served within about a
   * minute, without a restart. The port `http` (8080), for pods of the cluster, stays plain HTTP. Refused without an `exposure`.
   * @default - plain HTTP to the pod
   */
  readonly tlsSecretName?: string;
  /**
   * Image of the container `nginx`, which exists only with an `exposure`.
   * @default Images.NGINX
   */
  readonly proxyImage?: string;
  /**
   * Requests and limits of the container `nginx`.
   * @default - requests 50m and 32Mi, limits 1 and 128Mi
   */
  readonly proxyResources?: ContainerResources;
  /**
   * The largest body of a request. A larger one is answered with 413.
   * @default Size.mebibytes(16)
   */
  readonly maxRequestSize?: Size;
  /**
   * Maximum number of concurrent requests of a pod. Further requests get 503 with `Retry-After`, and so do requests whose
   * bodies together would need more than a sixteenth of the memory limit: `MAX_REQUESTS` of the container `model-server`.
   * @default 100
   */
  readonly maxConcurrentRequests?: number;
  /**
   * Time after which a request is answered with 504, in whole seconds: `MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`.
   * @default Duration.minutes(1)
   */
  readonly requestTimeout?: Duration;
  /**
   * A request that a new pod has to answer before it gets any other.
   * @default WarmUp.modelExample() - the example that the model was logged with, if it has one
   */
  readonly warmUp?: WarmUp;
  /**
   * Time that a pod may take to download, load and warm up a version before the rollout fails, in whole seconds
   * of at least 10: `progressDeadlineSeconds` of the Deployment, and the startup probe.
   * @default Duration.minutes(10)
   */
  readonly startTimeout?: Duration;
  /**
   * Time that running requests get to end when a pod is stopped, in whole seconds: with the pauses before and after it the
   * pod's `terminationGracePeriodSeconds`.
   * @default - `requestTimeout`
   */
  readonly drainTimeout?: Duration;
  /**
   * Space for the model's files: `sizeLimit` of an emptyDir, and part of the pod's limit of ephemeral storage.
   * @default Size.gibibytes(10) - 8 with `reserveEphemeralStorage`
   */
  readonly modelSpace?: Size;
  /**
   * Whether a model is loaded that was logged under another Python version, e.g. 3.12 in an image with 3.11. Its pickled
   * code may fail to load, or fail later.
   * @default false
   */
  readonly acceptAnyPython?: boolean;
  /**
   * Further settings of MLflow and the model, as environment variables. No secrets, as they would stand in the YAML: use
   * `secretEnvironment`.
   * @default - none
   */
  readonly environment?: Record<string, string>;
}

/** Options of a serving of a platform. */
export interface PlatformServingOptions extends ModelServingOptions {
  /**
   * The chart, and with it the namespace and the file, that it goes to.
   * @default - the platform's
   */
  readonly chart?: Chart;
}

/** Options of a serving without a platform. */
export interface ModelServingProps extends ModelServingOptions {
  /** The tracking server, which has the registry. */
  readonly tracking: TrackingEndpoint;
}
