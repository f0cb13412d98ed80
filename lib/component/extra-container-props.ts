import { Duration } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { ExtraVolume } from './extra-volume';
import { MountedFiles } from '../kubernetes/mounted-files';
import { NetworkPeer } from '../kubernetes/network-peer';
import { SecretValue } from '../kubernetes/secret-value';

/** Containers and volumes of your own in the pods of tracking servers, servings and the deployer. */
export interface ExtraContainerOptions {
  /**
   * Containers that run as long as the pod: `initContainers` with `restartPolicy: Always`, in this order, before all other
   * containers. Each has started before the next one starts, so that MLflow or the deployer can use it from its start, e.g. a collector
   * of traces, and each is stopped after them. The Jobs, e.g. the migration, do not get them.
   * @default - none
   */
  readonly sidecars?: SidecarContainer[];
  /**
   * Containers that run once and exit before the pod continues: `initContainers`, in this order, after the `sidecars` and
   * before those of the library. If one fails, it is started again.
   * @default - none
   */
  readonly initContainers?: ExtraContainer[];
  /**
   * Volumes in the library's containers (`mlflow` and `wait-for-schema`; `model-server` and `download-model`; `deployer`) and in
   * all `sidecars` and `initContainers`.
   * @default - none
   */
  readonly volumes?: ExtraVolume[];
}

/**
 * A container of your own. It has the restricted security context of the others: no root, no capability, a read-only root
 * file system. Its network is that of the pod: other containers reach it at `127.0.0.1`, and `egress` of the server,
 * the serving or the deployer limits where it may connect to. It has no token of Kubernetes' API.
 */
export interface ExtraContainer {
  /** Name of the container, e.g. `otel-collector`: at most 40 characters, and none of the library's own. */
  readonly name: string;
  /** Image with a tag other than `latest` or a digest: `image`. */
  readonly image: string;
  /**
   * Requests and limits: `resources`. CPU and memory need both: without requests the autoscaler has no percentage, and
   * without limits the container can take the memory of MLflow.
   */
  readonly resources: ContainerResources;
  /**
   * Program in place of the image's entrypoint: `command`.
   * @default - the image's
   */
  readonly command?: string[];
  /**
   * Arguments: `args`.
   * @default - the image's
   */
  readonly args?: string[];
  /**
   * Environment variables. No secrets, as they would stand in the YAML: use `secretEnvironment`.
   * @default - none
   */
  readonly environment?: Record<string, string>;
  /**
   * Environment variables with values of existing Secrets: `env` with `secretKeyRef`.
   * @default - none
   */
  readonly secretEnvironment?: Record<string, SecretValue>;
  /**
   * Existing ConfigMaps and Secrets as read-only folders.
   * @default - none
   */
  readonly files?: MountedFiles[];
  /**
   * Volumes of this container only, e.g. `[ExtraVolume.scratch('/tmp', Size.mebibytes(64))]`: nothing else can be written to.
   * @default - only the `volumes` of the pod
   */
  readonly volumes?: ExtraVolume[];
  /**
   * User id and group id that it runs as, above 0: `runAsUser` and `runAsGroup`.
   * @default 10001
   */
  readonly user?: number;
}

/** A container of your own that runs as long as the pod. */
export interface SidecarContainer extends ExtraContainer {
  /**
   * Ports on which it listens: `ports`, and the NetworkPolicy of the pod.
   * @default - none
   */
  readonly ports?: ExtraContainerPort[];
  /**
   * Restarts the container if it fails: `livenessProbe`.
   * @default - none
   */
  readonly livenessProbe?: ExtraContainerProbe;
  /**
   * The pod gets no requests while it fails: `readinessProbe`.
   * @default - none
   */
  readonly readinessProbe?: ExtraContainerProbe;
  /**
   * The next container starts when it has succeeded: `startupProbe`.
   * @default - none
   */
  readonly startupProbe?: ExtraContainerProbe;
}

/** A port of a container of your own. */
export interface ExtraContainerPort {
  /** Name of the port, once in the pod: at most 15 lower-case letters, digits and '-'. */
  readonly name: string;
  /** The TCP port, above 1023 as the container is not root, and none of the library's own: `containerPort`. */
  readonly port: number;
  /**
   * Who may connect to it, by NetworkPolicy. The containers of the pod always may.
   * @default - no other pod
   */
  readonly clients?: NetworkPeer[];
}

/** A check of a container of your own: a `command`, or a `port` with or without a `path`. */
export interface ExtraContainerProbe {
  /**
   * Program in the container that succeeds with exit code 0: `exec`.
   * @default - `port`
   */
  readonly command?: string[];
  /**
   * Port to which a connection succeeds: `tcpSocket`, or `httpGet` with `path`.
   * @default - `command`
   */
  readonly port?: number;
  /**
   * Path, e.g. `/healthz`, whose answer has a status from 200 to 399: `httpGet`.
   * @default - a connection is enough
   */
  readonly path?: string;
  /**
   * Time between two checks, in whole seconds: `periodSeconds`.
   * @default Duration.seconds(10)
   */
  readonly period?: Duration;
  /**
   * Time for an answer, in whole seconds: `timeoutSeconds`.
   * @default Duration.seconds(5)
   */
  readonly timeout?: Duration;
  /**
   * Attempts in a row that have to fail: `failureThreshold`.
   * @default 3
   */
  readonly failures?: number;
}
