import { k8s } from 'cdk8s-plus-27';
import { Tls } from './tls';
import { Entrance, WayIn, hostRules } from './way-in';
import { Component } from '../kubernetes/component';
import { Json, apiObject } from '../kubernetes/manifest';
import { annotationRules, isSubdomain } from '../kubernetes/metadata-rules';
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

/** An Ingress as the way in. */
export function ingress(props: IngressExposureProps): WayIn {
  return {
    host: props.host,
    https: props.tls !== undefined,
    bind: (component, entrance) => {
      check(component, rules(props));
      addIngress(component, entrance, props);
    },
  };
}

function addIngress(component: Component, entrance: Entrance, props: IngressExposureProps): void {
  const { host, className, tls } = props;
  const spec: Json<k8s.IngressSpec> = {
    ingressClassName: className,
    tls: tls && [{ hosts: [host], secretName: tls._secretName ?? entrance.names.tls }],
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: entrance.service, port: { name: entrance.port.name } } },
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
    annotations: { ...tls?._annotations, ...props.annotations },
    body: { spec },
  });
}

function rules({ host, className, tls, annotations }: IngressExposureProps): Rule[] {
  const forNobody = host === undefined && tls !== undefined;
  return [
    {
      wrong: forNobody,
      given: 'tls is given without a host',
      want: "expected the host that the certificate is for, e.g. host: 'mlflow.example.com'",
    },
    ...(forNobody ? [] : hostRules('Ingress', host)),
    ...(tls?._rules ?? []),
    ...annotationRules('annotations', annotations),
    {
      wrong: className !== undefined && !isSubdomain(className),
      given: `className is '${className}'`,
      want: "expected the name of an IngressClass, e.g. 'traefik', or leave it out for the cluster's default",
    },
  ];
}
