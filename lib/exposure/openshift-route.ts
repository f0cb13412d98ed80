import { Duration } from 'cdk8s';
import { addressRules, hostsOf } from './public-address-props';
import { Backend, ExposureKind } from './route';
import { Component } from '../component/component';
import { durationRule, seconds } from '../kubernetes/durations';
import { apiObject } from '../kubernetes/manifest';
import { annotationRules } from '../kubernetes/metadata-rules';
import { Rule, objectNameRule } from '../kubernetes/rules';

/** Where TLS ends. */
export enum RouteTermination {
  /** At the router, which redirects plain HTTP to https. */
  EDGE = 'edge',
  /**
   * At the router, which redirects plain HTTP to https and speaks https with the pods: with `tlsSecretName` of the server or of
   * the serving.
   */
  REENCRYPT = 'reencrypt',
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
   * Certificate of the authority of the pods' certificate, as PEM: `spec.tls.destinationCACertificate`. With `REENCRYPT` only.
   * @default - the router trusts the service CA of OpenShift, which the annotation
   * `service.beta.openshift.io/serving-cert-secret-name` of the Service asks for a certificate
   */
  readonly destinationAuthority?: string;
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
    https: hasTls(props),
    rules: rules(props),
    tlsRules: ({ https }) => tlsRules(props, https),
    bind: (component, backend) => addRoute(component, backend, props),
  };
}

const hasTls = ({ termination }: RouteExposureProps) => termination !== RouteTermination.NONE;

function addRoute(component: Component, { names, service, port }: Backend, props: RouteExposureProps): void {
  const { certificateSecretName, timeout = Duration.hours(1) } = props;
  // With all that the API server would fill in: GitOps controllers would see a change after each sync.
  const spec = {
    host: props.host,
    path: props.path,
    to: { kind: 'Service', name: service, weight: 100 },
    port: { targetPort: port.name },
    tls: hasTls(props)
      ? {
          termination: props.termination ?? RouteTermination.EDGE,
          destinationCACertificate: props.destinationAuthority,
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

function tlsRules({ termination = RouteTermination.EDGE }: RouteExposureProps, https: boolean): Rule[] {
  const reencrypts = termination === RouteTermination.REENCRYPT;
  return [
    {
      wrong: https && !reencrypts,
      given: `tlsSecretName is given, and termination of the Route is '${termination}'`,
      want: 'expected RouteTermination.REENCRYPT: the router would speak plain HTTP with pods that speak https',
    },
    {
      wrong: !https && reencrypts,
      given: "termination of the Route is 'reencrypt', without tlsSecretName",
      want: "expected tlsSecretName: 'mlflow-server-tls', with which the pods speak https, or RouteTermination.EDGE",
    },
  ];
}

const PEM = /^\s*-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*$/;

function rules(props: RouteExposureProps): Rule[] {
  const { annotations, certificateSecretName, timeout, destinationAuthority } = props;
  return [
    ...addressRules('Route', props),
    ...annotationRules('annotations', annotations),
    durationRule('timeout', timeout, 1),
    {
      wrong: destinationAuthority !== undefined && props.termination !== RouteTermination.REENCRYPT,
      given: 'destinationAuthority is given, and termination is not RouteTermination.REENCRYPT',
      want: 'expected RouteTermination.REENCRYPT: otherwise the router verifies no certificate of the pods',
    },
    {
      wrong: destinationAuthority !== undefined && !PEM.test(destinationAuthority),
      given: `destinationAuthority is a text of ${destinationAuthority?.length} characters that is no certificate`,
      want: "expected one certificate as PEM, '-----BEGIN CERTIFICATE-----…'",
    },
    ...(certificateSecretName === undefined
      ? []
      : [objectNameRule('certificateSecretName', certificateSecretName, 'mlflow-tls')]),
    {
      wrong: certificateSecretName !== undefined && !hasTls(props),
      given: 'certificateSecretName is given, and termination is RouteTermination.NONE',
      want: 'expected RouteTermination.EDGE, which is the default: without TLS a Route has no certificate',
    },
  ];
}
