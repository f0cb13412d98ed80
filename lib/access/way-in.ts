import { Component } from '../kubernetes/component';
import { Rule } from '../kubernetes/rules';

/** What a way in leads to, as a tracking server or a serving has it. */
export interface Entrance {
  readonly service: string;
  /** The Service's port: an Ingress goes by its name, an HTTPRoute by its number. */
  readonly port: { readonly name: string; readonly number: number };
  readonly names: {
    readonly ingress: string;
    readonly route: string;
    /** The Secret that an issuer makes. */
    readonly tls: string;
  };
}

/** One kind of way from outside to the door. */
export interface WayIn {
  /** Missing in programs that TypeScript did not look at. */
  readonly host?: string;
  /** Whether people come by TLS alone. */
  readonly https: boolean;
  /** Adds its object to the component, or throws for what is wrong. */
  readonly bind: (component: Component, entrance: Entrance) => void;
}

const hostName = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$/;

/** What is wrong with the host of a way in; `kind` is its object's. */
export function hostRules(kind: string, host: string | undefined): Rule[] {
  return [
    {
      wrong: host === undefined,
      given: `the ${kind} has no host`,
      want: "expected one, e.g. host: 'mlflow.example.com': MLflow answers 403 to host names that it was not told",
    },
    {
      wrong: host !== undefined && (!hostName.test(host) || /^[\d.]+$/.test(host)),
      given: `host is '${host}'`,
      want: "expected a host name alone, in lower case, without scheme, port or path, e.g. 'mlflow.example.com'",
    },
  ];
}
