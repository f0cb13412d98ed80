import { k8s } from 'cdk8s-plus-27';
import { IngressController } from './ingress-controller';
import { PublicAddressProps, addressRules, hostsOf } from './public-address-props';
import { Backend, ExposureKind } from './route';
import { Tls } from './tls';
import { Component } from '../component/component';
import { Json, apiObject } from '../kubernetes/manifest';
import { annotationRules, isSubdomain } from '../kubernetes/metadata-rules';
import { Rule } from '../kubernetes/rules';

/** How an Ingress leads to the platform. */
export interface IngressExposureProps extends PublicAddressProps {
  /**
   * Host name by which people reach the platform: lower case, without scheme, port and path. It becomes the rule's
   * `host`, and is allowed as host and origin in MLflow.
   */
  readonly host: string;
  /**
   * The class of the Ingress controller: `ingressClassName`.
   * @default - the cluster's default class
   */
  readonly className?: string;
  /**
   * Certificate of the host: `spec.tls`. The proxy then redirects plain HTTP that the controller passes on
   * (`X-Forwarded-Proto: http`) to https before it checks the password.
   * @default - none: plain HTTP, or TLS that ends before the Ingress
   */
  readonly tls?: Tls;
  /**
   * Which controller it is, if the Ingress is to have that controller's annotations for long and large uploads, e.g.
   * `IngressController.nginx()`: `metadata.annotations`.
   * @default - no annotations for uploads: docs/how-to/ingress.md says what each controller needs
   */
  readonly controller?: IngressController;
  /**
   * Further annotations of the Ingress, which take precedence over those of `controller`, e.g.
   * `{'nginx.ingress.kubernetes.io/whitelist-source-range': '10.0.0.0/8'}`.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** An Ingress as the exposure. */
export function ingress(props: IngressExposureProps): ExposureKind {
  return {
    hosts: hostsOf(props),
    path: props.path,
    https: props.tls !== undefined,
    rules: rules(props),
    bind: (component, backend) => addIngress(component, backend, props),
  };
}

function addIngress(component: Component, backend: Backend, props: IngressExposureProps): void {
  const { className, tls, controller, path = '/' } = props;
  const hosts = hostsOf(props);
  const spec: Json<k8s.IngressSpec> = {
    ingressClassName: className,
    tls: tls && [{ hosts, secretName: tls._secretName ?? backend.names.tls }],
    rules: hosts.map((host) => ({
      host,
      http: {
        paths: [
          {
            path,
            pathType: 'Prefix',
            backend: { service: { name: backend.service, port: { name: backend.port.name } } },
          },
        ],
      },
    })),
  };
  apiObject(component, 'ingress', {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    name: backend.names.ingress,
    labels: component.labels,
    annotations: {
      ...tls?._annotations,
      ...controller?._annotations(backend.tls !== undefined),
      ...props.annotations,
    },
    body: { spec },
  });
}

function rules(props: IngressExposureProps): Rule[] {
  const { host, className, tls, annotations } = props;
  const forNobody = host === undefined && tls !== undefined;
  return [
    {
      wrong: forNobody,
      given: 'tls is given without a host',
      want: "expected the host that the certificate is for, e.g. host: 'mlflow.example.com'",
    },
    ...(forNobody ? [] : addressRules('Ingress', props)),
    ...(tls?._rules ?? []),
    ...annotationRules('annotations', annotations),
    {
      wrong: className !== undefined && !isSubdomain(className),
      given: `className is '${className}'`,
      want: "expected the name of an IngressClass, e.g. 'traefik', or leave it out for the cluster's default",
    },
  ];
}
