import { Chart, Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { RegisteredModel } from './registered-model';
import { ServingRuntime } from './serving-runtime';
import { TrackingEndpoint } from './tracking-endpoint';
import { WarmUp } from './warm-up';
import { Exposure } from '../access/exposure';
import { EgressRule } from '../kubernetes/connection';
import { NetworkPeer } from '../kubernetes/network-boundary';
import { PlacementOptions } from '../kubernetes/pod-options';
import { Autoscaling } from '../tracking/tracking-server-props';

/** Options of a serving, below a platform and alone. */
export interface ModelServingOptions extends PlacementOptions {
  /** What is served. */
  readonly model: RegisteredModel;
  /**
   * What it runs in.
   * @default ServingRuntime.offline() - MLflow's image as it is
   */
  readonly runtime?: ServingRuntime;
  /**
   * Bounds of the number of pods: a HorizontalPodAutoscaler.
   * @default - 3 to 10 pods at 70 % CPU
   */
  readonly autoscaling?: Autoscaling;
  /**
   * A fixed number of pods in place of autoscaling: `replicas` of the Deployment.
   * @default - autoscaling
   */
  readonly replicas?: number;
  /**
   * `resources` of the container `model-server`, and of `download-model` before it; what is left out keeps the default.
   * `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and `MKL_NUM_THREADS` are the CPU limit, unless `environment` has them.
   * @default - requests 500m and 1Gi, limits 2 and 4Gi; ephemeral storage, both: what modelSpace, packages and /tmp hold
   */
  readonly resources?: ContainerResources;
  /**
   * Who may connect to the scoring server, port `http` (8080) of the pods, by NetworkPolicy: there is no login on that
   * port.
   * @default - the pods of its own namespace
   */
  readonly clients?: NetworkPeer[];
  /**
   * Who may read the metrics, port `metrics` (9090) of the pods, by NetworkPolicy.
   * @default - the namespace `monitoring`
   */
  readonly metricsClients?: NetworkPeer[];
  /**
   * Where the pods may go beside the registry and the package index, by NetworkPolicy: a store that clients read straight,
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
   * Image of the container `nginx`, which is there with an `exposure` alone.
   * @default Images.NGINX
   */
  readonly proxyImage?: string;
  /**
   * Requests and limits of the container `nginx`.
   * @default - requests 50m and 32Mi, limits 1 and 128Mi
   */
  readonly proxyResources?: ContainerResources;
  /**
   * The largest body of a request; a larger one is answered with 413.
   * @default Size.mebibytes(16)
   */
  readonly maxRequestSize?: Size;
  /**
   * How many requests a pod takes in at once: those beyond it are answered with 503 and `Retry-After`, and so are those
   * whose bodies would take more than a sixteenth of the memory limit together. `MAX_REQUESTS` of the container
   * `model-server`.
   * @default 100
   */
  readonly maxConcurrentRequests?: number;
  /**
   * Seconds after which a request is answered with 504: `MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`.
   * @default 60
   */
  readonly requestTimeoutSeconds?: number;
  /**
   * A request that a new pod has to answer before it gets any other.
   * @default WarmUp.modelExample() - the example that the model was logged with, where it has one
   */
  readonly warmUp?: WarmUp;
  /**
   * Seconds that a pod may take to download, load and warm up a version before a rollout counts as failed:
   * `progressDeadlineSeconds` of the Deployment, and the startup probe.
   * @default 600
   */
  readonly startSeconds?: number;
  /**
   * Seconds that running requests get to end when a pod is stopped: with the pauses before and after it the pod's
   * `terminationGracePeriodSeconds`.
   * @default - `requestTimeoutSeconds`
   */
  readonly drainSeconds?: number;
  /**
   * Space for the model's files: `sizeLimit` of an emptyDir, and part of the pod's limit of ephemeral storage.
   * @default Size.gibibytes(10) - 8 with `reserveEphemeralStorage`
   */
  readonly modelSpace?: Size;
  /**
   * Whether a model is tried that was logged under another Python version (3.12, where the image has 3.11). Pickled code
   * may not load there, or fail later.
   * @default false
   */
  readonly acceptAnyPython?: boolean;
  /**
   * Further settings of MLflow and the model, as environment variables. No secrets: they stand in the YAML.
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

/** Options of a serving that stands alone. */
export interface ModelServingProps extends ModelServingOptions {
  /** Where the registry is. */
  readonly tracking: TrackingEndpoint;
}
