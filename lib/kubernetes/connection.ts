import { labelRules } from './metadata-rules';
import { EgressRule } from './network-peer';
import { Rule, shownRule, wholeRule } from './rules';

/** A value of a Secret that a program reads as an environment variable. It reaches the pod as a file of that name. */
export interface SecretVariable {
  /** Name of the environment variable, e.g. `PGPASSWORD`. */
  readonly variable: string;
  /** Name of the Secret. */
  readonly secretName: string;
  /** Key in the Secret. */
  readonly key: string;
}

/** Keys of a Secret that a program reads as files. */
export interface SecretFiles {
  /** Name of the Secret. */
  readonly secretName: string;
  /** Keys, each a file of that name. */
  readonly keys: string[];
  /** Folder in the container. */
  readonly directory: string;
}

/** A volume that a program keeps data on. */
export interface ClaimMount {
  /** Name of the PersistentVolumeClaim. */
  readonly claimName: string;
  /** Folder in the container. */
  readonly directory: string;
}

/** A client that connects to a database or a store, for its NetworkPolicy and its limits. */
export interface ConnectionClient {
  /** What the client is called in messages, e.g. its construct path. */
  readonly name: string;
  /** Labels of its pods. */
  readonly podLabels: Record<string, string>;
  /**
   * Namespace of its pods.
   * @default - the namespace of `kubectl apply`
   */
  readonly namespace?: string;
  /** Database connections that all its pods together can hold open. */
  readonly maxConnections: number;
}

/** What is wrong with a client that a user names. */
export function clientRules({ name, podLabels, maxConnections }: ConnectionClient): Rule[] {
  return [
    shownRule(name.trim() === '', 'client.name', name, "what messages call the client, e.g. its construct's path"),
    ...labelRules('client.podLabels', podLabels),
    wholeRule('client.maxConnections', maxConnections, 0),
  ];
}

/** All that a pod needs to reach a database or a store. */
export interface Connection {
  /** Environment variables without secrets. */
  readonly environment: Record<string, string>;
  /**
   * Values of Secrets.
   * @default - none
   */
  readonly secretVariables?: SecretVariable[];
  /**
   * Files from Secrets, e.g. a certificate authority.
   * @default - none
   */
  readonly secretFiles?: SecretFiles[];
  /**
   * Volumes.
   * @default - none
   */
  readonly claims?: ClaimMount[];
  /**
   * Annotations of the pod's ServiceAccount, e.g. a cloud role.
   * @default - none
   */
  readonly serviceAccountAnnotations?: Record<string, string>;
  /** Destinations that the pod must be able to connect to. */
  readonly egress: EgressRule[];
}
