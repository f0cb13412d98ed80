import { Duration } from 'cdk8s';
import { addressRules, hostsOf } from './public-address-props';
import { Backend, ExposureKind } from './route';
import { Component } from '../component/component';
import { durationRule, seconds } from '../kubernetes/durations';
import { apiObject } from '../kubernetes/manifest';
import { annotationRules } from '../kubernetes/metadata-rules';
import { Rule, objectNameRule } from '../kubernetes/rules';

/** Where TLS ends. The platform's proxy speaks plain HTTP, so `reencrypt` and `passthrough` do not apply. */
export enum RouteTermination {
  /** At the router, which redirects plain HTTP to https. */
  EDGE = 'edge',
  /** Nowhere: plain HTTP, or TLS that ends before the router. */
  NONE = 'none',
}

/** A Route by which OpenShift's router reaches the platform. */
export interface RouteExposureProps {
  /**
   * Host name by which people reach the platform: lower case, without scheme, port and path. It becomes `spec.host`, and is
   * allowed as host and origin in MLflow.
   */
  readonly host: string;
  /**
   * Path below the host, if the platform shares it with other programs: see `IngressExposureProps.path`. It becomes
   * `spec.path`.
   * @default - the host belongs to the platform
   */
  readonly path?: string;
  /**
   * Where TLS ends: `spec.tls.termination`.
   * @default RouteTermination.EDGE
   */
  readonly termination?: RouteTermination;
  /**
   * Name of a Secret of type `kubernetes.io/tls` in the Route's namespace: `spec.tls.externalCertificate`. The router's
   * ServiceAccount must be allowed to read it.
   * @see https://docs.openshift.com/container-platform/latest/networking/routes/secured-routes.html
   * @default - the router's own certificate, which is for the cluster's domain of applications
   */
  readonly certificateSecretName?: string;
  /**
   * How long the platform may be silent during a request: annotation `haproxy.router.openshift.io/timeout`. MLflow writes
   * a large artifact to the store after its last byte has arrived.
   * @default Duration.hours(1) - the router's own default is 30 seconds
   */
  readonly timeout?: Duration;
  /**
   * Further annotations of the Route, which take precedence, e.g. of cert-manager or external-dns.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** A Route of OpenShift as the exposure. */
export function openShiftRoute(props: RouteExposureProps): ExposureKind {
  return {
    hosts: hostsOf(props),
    path: props.path,
    https: isEdge(props),
    rules: rules(props),
    bind: (component, backend) => addRoute(component, backend, props),
  };
}

const isEdge = ({ termination }: RouteExposureProps) => termination !== RouteTermination.NONE;

function addRoute(component: Component, { names, service, port }: Backend, props: RouteExposureProps): void {
  const { certificateSecretName, timeout = Duration.hours(1) } = props;
  // With all that the API server would fill in: GitOps controllers would see a change after each sync.
  const spec = {
    host: props.host,
    path: props.path,
    to: { kind: 'Service', name: service, weight: 100 },
    port: { targetPort: port.name },
    tls: isEdge(props)
      ? {
          termination: 'edge',
          insecureEdgeTerminationPolicy: 'Redirect',
          externalCertificate: certificateSecretName ? { name: certificateSecretName } : undefined,
        }
      : undefined,
    wildcardPolicy: 'None',
  };
  apiObject(component, 'route', {
    apiVersion: 'route.openshift.io/v1',
    kind: 'Route',
    name: names.route,
    labels: component.labels,
    annotations: { 'haproxy.router.openshift.io/timeout': `${seconds(timeout)}s`, ...props.annotations },
    body: { spec },
  });
}

function rules(props: RouteExposureProps): Rule[] {
  const { annotations, certificateSecretName, timeout } = props;
  return [
    ...addressRules('Route', props),
    ...annotationRules('annotations', annotations),
    durationRule('timeout', timeout, 1),
    ...(certificateSecretName === undefined
      ? []
      : [objectNameRule('certificateSecretName', certificateSecretName, 'mlflow-tls')]),
    {
      wrong: certificateSecretName !== undefined && !isEdge(props),
      given: 'certificateSecretName is given, and termination is RouteTermination.NONE',
      want: 'expected RouteTermination.EDGE, which is the default: without TLS a Route has no certificate',
    },
  ];
}
