import { k8s } from 'cdk8s-plus-27';
import { Tls } from './tls';
import { Component } from '../kubernetes/component';
import { Json, apiObject } from '../kubernetes/manifest';
import { Rule, check } from '../kubernetes/rules';

/** How an Ingress leads to the platform. */
export interface IngressExposureProps {
  /**
   * Host name by which people reach the platform: lower case, without scheme, port and path. It becomes the rule's
   * `host`, and is allowed as host and origin in MLflow.
   */
  readonly host: string;
  /**
   * Which Ingress controller leads in: `ingressClassName`.
   * @default - the cluster's default class
   */
  readonly className?: string;
  /**
   * Certificate of the host: `spec.tls`. Plain HTTP that the controller passes on (`X-Forwarded-Proto: http`) is then
   * redirected to https before anybody is asked for a password.
   * @default - none: plain HTTP, or TLS that ends before the Ingress
   */
  readonly tls?: Tls;
  /**
   * Further annotations of the Ingress, for what its controller wants to be told, e.g. that bodies have no limit:
   * `{'nginx.ingress.kubernetes.io/proxy-body-size': '0'}`.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** A way in, as the tracking server sees it. @internal */
export interface Entrance {
  readonly service: string;
  readonly port: string;
  /** Name of the Ingress, and of the Secret that an issuer makes. */
  readonly names: { readonly ingress: string; readonly tls: string };
}

/**
 * How people outside the cluster reach the platform. The login is the platform's own, whatever stands before it.
 */
export class Exposure {
  /**
   * An Ingress `<platform>-ingress`, of a serving `<id>-serving-ingress`, for any controller.
   *
   * @param props host and certificate
   */
  public static ingress(props: IngressExposureProps): Exposure {
    return new Exposure(props);
  }

  /** Nobody, but by `kubectl port-forward` and from inside the cluster. */
  public static none(): Exposure {
    return new Exposure();
  }

  private constructor(private readonly props?: IngressExposureProps) {}

  /** Host names that clients use. @internal */
  public get _hosts(): string[] {
    return this.props?.host ? [this.props.host] : [];
  }

  /** The host that is reached by TLS alone. @internal */
  public get _httpsHost(): string | undefined {
    return this.props?.tls && this.props.host;
  }

  /** What a browser sends as `Origin`. @internal */
  public get _origins(): string[] {
    // TLS may end before the Ingress, so an origin with https is right without a certificate here too.
    return this._hosts.flatMap((host) =>
      this.props?.tls ? [`https://${host}`] : [`http://${host}`, `https://${host}`],
    );
  }

  /** @internal */
  public _bind(component: Component, entrance: Entrance): void {
    if (!this.props) return;
    check(component, hostRules(this.props));
    const { host, className, tls } = this.props;
    const annotations = { ...tls?._annotations, ...this.props.annotations };
    const spec: Json<k8s.IngressSpec> = {
      ingressClassName: className,
      tls: tls && [{ hosts: [host!], secretName: tls._secretName ?? entrance.names.tls }],
      rules: [
        {
          host,
          http: {
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { service: { name: entrance.service, port: { name: entrance.port } } },
              },
            ],
          },
        },
      ],
    };
    apiObject(component, 'ingress', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      name: entrance.names.ingress,
      labels: component.labels,
      annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
      body: { spec },
    });
  }
}

const hostName = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$/;

function hostRules(props: IngressExposureProps): Rule[] {
  return [
    {
      wrong: props.host === undefined && props.tls !== undefined,
      given: 'tls is given without a host',
      want: "want the host that the certificate is for, e.g. host: 'mlflow.example.com'",
    },
    {
      wrong: props.host === undefined && props.tls === undefined,
      given: 'the Ingress has no host',
      want: "want one, e.g. host: 'mlflow.example.com': MLflow answers 403 to host names that it was not told",
    },
    {
      wrong: props.host !== undefined && (!hostName.test(props.host) || /^[\d.]+$/.test(props.host)),
      given: `host is '${props.host}'`,
      want: "want a host name alone, in lower case, without scheme, port or path, e.g. 'mlflow.example.com'",
    },
    ...(props.tls?._rules ?? []),
    {
      wrong: props.className === '',
      given: "className is ''",
      want: "want the name of an IngressClass, e.g. 'traefik', or leave it out for the cluster's default",
    },
  ];
}
