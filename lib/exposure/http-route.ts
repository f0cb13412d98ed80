import { PublicAddressProps, addressRules, hostsOf } from './public-address-props';
import { Backend, ExposureKind } from './route';
import { RouteTimeout } from './route-timeout';
import { Component } from '../component/component';
import { CertificateAuthority } from '../kubernetes/certificate-authority';
import { apiObject } from '../kubernetes/manifest';
import { annotationRules } from '../kubernetes/metadata-rules';
import { Rule, namespaceRule, objectNameRule } from '../kubernetes/rules';

/** A route from a Gateway that exists to the platform. The Gateway has the certificate of the host. */
export interface HttpRouteExposureProps extends PublicAddressProps {
  /**
   * Host name by which people reach the platform: lower case, without scheme, port and path. It becomes the route's
   * `hostnames`, and is allowed as host and origin in MLflow.
   */
  readonly host: string;
  /** Name of the Gateway: `parentRefs`. */
  readonly gateway: string;
  /**
   * Namespace of the Gateway, whose listeners must admit routes of this one (`allowedRoutes`).
   * @default - the route's own
   */
  readonly gatewayNamespace?: string;
  /**
   * The listener of the Gateway that the route uses: `sectionName`.
   * @default - every listener that accepts the host and the route
   */
  readonly listener?: string;
  /**
   * Whether clients connect only by https. The proxy then redirects plain HTTP that the Gateway passes on
   * (`X-Forwarded-Proto: http`) to https before it checks the password, and https is the only origin that MLflow allows.
   * A route does not show whether its listener has TLS. With the default a wrong setting is noticed at once: without TLS
   * the redirect fails, while passwords in plain text would not be noticed. Set `false` for a Gateway without TLS, and
   * for one behind a proxy that does not forward `X-Forwarded-Proto`, which would be redirected again and again.
   * @default true
   */
  readonly https?: boolean;
  /**
   * How long one request may take: `timeouts`. Artifacts of some GiB take minutes, and implementations have their own
   * limits if a route has none.
   * @default RouteTimeout.none()
   */
  readonly timeout?: RouteTimeout;
  /**
   * Annotations of the route, for other controllers, e.g. external-dns.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** An HTTPRoute as the exposure. */
export function httpRoute(props: HttpRouteExposureProps): ExposureKind {
  return {
    hosts: hostsOf(props),
    path: props.path,
    https: props.https ?? true,
    rules: rules(props),
    tlsRules: ({ https, authority }) => [
      {
        wrong: https && authority !== undefined && authority._key !== 'ca.crt',
        given: `the key of authority is '${authority?._key}'`,
        want: "expected 'ca.crt', the only key that a Gateway reads",
      },
      {
        wrong: https && !authority,
        given: 'tlsSecretName is given, and no authority',
        want: "expected authority: CertificateAuthority.fromConfigMap('company-ca'), with which the Gateway verifies the certificate of the pods",
      },
    ],
    bind: (component, backend) => addRoute(component, backend, props),
  };
}

function addRoute(component: Component, { names, service, port, tls }: Backend, props: HttpRouteExposureProps): void {
  const { path = '/', gateway, gatewayNamespace, listener, timeout = RouteTimeout.none(), annotations } = props;
  // With all that the API server would fill in: GitOps controllers would see a change after each sync.
  const spec = {
    parentRefs: [
      {
        group: 'gateway.networking.k8s.io',
        kind: 'Gateway',
        name: gateway,
        namespace: gatewayNamespace,
        sectionName: listener,
      },
    ],
    hostnames: hostsOf(props),
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: path } }],
        backendRefs: [{ group: '', kind: 'Service', name: service, port: port.number, weight: 1 }],
        timeouts: timeout._timeouts,
      },
    ],
  };
  apiObject(component, 'route', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    name: names.route,
    labels: component.labels,
    annotations,
    body: { spec },
  });
  if (!tls?.authority) return;
  addPolicy(component, names.route, service, port.name, { host: tls.host, authority: tls.authority });
}

/** The Gateway then speaks https with the pods, and verifies their certificate. */
function addPolicy(
  component: Component,
  name: string,
  service: string,
  sectionName: string,
  { host, authority }: { readonly host: string; readonly authority: CertificateAuthority },
): void {
  apiObject(component, 'backend-tls-policy', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    name,
    labels: component.labels,
    body: {
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: service, sectionName }],
        validation: {
          hostname: host,
          caCertificateRefs: [{ group: '', kind: authority._kind, name: authority._name }],
        },
      },
    },
  });
}

function rules(props: HttpRouteExposureProps): Rule[] {
  const { gateway, gatewayNamespace, listener, timeout, annotations } = props;
  return [
    ...addressRules('HTTPRoute', props),
    ...annotationRules('annotations', annotations),
    objectNameRule('gateway', gateway ?? '', 'public'),
    ...(gatewayNamespace === undefined ? [] : [namespaceRule(gatewayNamespace, 'gatewayNamespace', 'gateway')]),
    ...(listener === undefined ? [] : [objectNameRule('listener', listener, 'https')]),
    ...(timeout?._rules ?? []),
  ];
}
