import { Component } from '../component/component';
import { CertificateAuthority } from '../kubernetes/certificate-authority';
import { Rule } from '../kubernetes/rules';

/** The Service that an exposure leads to, of a tracking server or a serving, and names for its objects. */
export interface Backend {
  readonly service: string;
  /** The Service's port: an Ingress goes by its name, an HTTPRoute by its number. */
  readonly port: { readonly name: string; readonly number: number };
  /** If the pods speak https: the name in their certificate, and its authority. @default - plain HTTP */
  readonly tls?: { readonly host: string; readonly authority?: CertificateAuthority };
  readonly names: {
    readonly ingress: string;
    readonly route: string;
    /** The Secret that an issuer creates. */
    readonly tls: string;
  };
}

/** How the pods behind an exposure are reached. */
export interface PodsBehind {
  readonly https: boolean;
  /** What their clients trust. */
  readonly authority?: CertificateAuthority;
}

/** An Ingress or an HTTPRoute, before it knows its Service. */
export interface ExposureKind {
  /** The first one is the host that links lead to. */
  readonly hosts: string[];
  /** Path below the hosts. @default - the root */
  readonly path?: string;
  /** Whether clients connect only by TLS. */
  readonly https: boolean;
  /** What is wrong with its props. */
  readonly rules: Rule[];
  /** What is wrong with it for pods that speak https, or that do not. @default - nothing */
  readonly tlsRules?: (pods: PodsBehind) => Rule[];
  /** Adds its object to the component. */
  readonly bind: (component: Component, backend: Backend) => void;
}

const hostName = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$/;

/** What is wrong with a host of an exposure. `kind` is its object's. */
export function hostRules(kind: string, host: string | undefined, prop = 'host'): Rule[] {
  return [
    {
      wrong: host === undefined,
      given: `the ${kind} has no host`,
      want: "expected one, e.g. host: 'mlflow.example.com': MLflow answers 403 to host names that it was not told",
    },
    {
      wrong: host !== undefined && (!hostName.test(host) || /^[\d.]+$/.test(host)),
      given: `${prop} is '${host}'`,
      want: "expected only a host name, in lower case, without scheme, port or path, e.g. 'mlflow.example.com'",
    },
  ];
}
