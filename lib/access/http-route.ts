import { RouteTimeout } from './route-timeout';
import { Entrance, WayIn, hostRules } from './way-in';
import { Component } from '../kubernetes/component';
import { apiObject } from '../kubernetes/manifest';
import { annotationRules } from '../kubernetes/metadata-rules';
import { Rule, check, namespaceRule, objectNameRule } from '../kubernetes/rules';

/** How a Gateway, which is somebody else's, leads to the platform. It has the certificate of the host. */
export interface HttpRouteExposureProps {
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
   * The one listener of the Gateway that leads in: `sectionName`.
   * @default - every listener that takes the host and admits the route
   */
  readonly listener?: string;
  /**
   * Whether people come by https alone. Plain HTTP that the Gateway passes on (`X-Forwarded-Proto: http`) is then
   * redirected to https before anybody is asked for a password, and https is the only origin that MLflow allows. Nothing
   * of a route says whether its listener has TLS, so the default is the side on which a mistake is seen at once: without
   * TLS the redirect leads nowhere, while passwords in the clear would go unnoticed. `false` is for a Gateway without
   * TLS, and for one that is not told of it by a proxy before it, which would be redirected for ever.
   * @default true
   */
  readonly https?: boolean;
  /**
   * How long one request may take: `timeouts`. Artifacts of some GiB take minutes, and implementations have limits of
   * their own where a route gives none.
   * @default RouteTimeout.none()
   */
  readonly timeout?: RouteTimeout;
  /**
   * Annotations of the route, for what others want to be told, e.g. external-dns.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** An HTTPRoute as the way in. */
export function httpRoute(props: HttpRouteExposureProps): WayIn {
  return {
    host: props.host,
    https: props.https ?? true,
    bind: (component, entrance) => {
      check(component, rules(props));
      addRoute(component, entrance, props);
    },
  };
}

function addRoute(component: Component, { names, service, port }: Entrance, props: HttpRouteExposureProps): void {
  const { host, gateway, gatewayNamespace, listener, timeout = RouteTimeout.none(), annotations } = props;
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
    hostnames: [host],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
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
}

function rules({ host, gateway, gatewayNamespace, listener, timeout, annotations }: HttpRouteExposureProps): Rule[] {
  return [
    ...hostRules('HTTPRoute', host),
    ...annotationRules('annotations', annotations),
    objectNameRule('gateway', gateway ?? '', 'public'),
    ...(gatewayNamespace === undefined ? [] : [namespaceRule(gatewayNamespace, 'gatewayNamespace', 'gateway')]),
    ...(listener === undefined ? [] : [objectNameRule('listener', listener, 'https')]),
    ...(timeout?._rules ?? []),
  ];
}
