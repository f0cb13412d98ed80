import { Duration } from 'cdk8s';
import { durationRule, seconds } from '../kubernetes/durations';
import { ServiceSpec } from '../kubernetes/manifest';
import { annotationRules } from '../kubernetes/metadata-rules';
import { Rule, cidrRule, shownRule, wholeRule } from '../kubernetes/rules';

/** From where a Service can be reached: `spec.type`. */
export enum ServiceType {
  /** From inside the cluster. */
  CLUSTER_IP = 'ClusterIP',
  /** Also by a port of each node. */
  NODE_PORT = 'NodePort',
  /** Also by a load balancer of the cloud. */
  LOAD_BALANCER = 'LoadBalancer',
}

/** The families of a Service's addresses: `spec.ipFamilyPolicy`. */
export enum IpFamilyPolicy {
  /** One family. */
  SINGLE_STACK = 'SingleStack',
  /** Both families, if the cluster has both. */
  PREFER_DUAL_STACK = 'PreferDualStack',
  /** Both families; the API server refuses the Service if the cluster has only one. */
  REQUIRE_DUAL_STACK = 'RequireDualStack',
}

/** A family of addresses: an element of `spec.ipFamilies`. */
export enum IpFamily {
  /** Addresses such as 10.1.2.3. */
  IPV4 = 'IPv4',
  /** Addresses such as fd00::1. The pods must listen on IPv6 too: prop `ipv6` of the tracking server. */
  IPV6 = 'IPv6',
}

/** Fields of a Service inside the cluster. */
export interface ServiceOptions {
  /**
   * Annotations of the Service, e.g. for the controller of a load balancer.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
  /**
   * TCP port of the Service: `spec.ports[0].port`, which is also in the `url` of the component.
   * @default 5000 - of a serving 8080
   */
  readonly port?: number;
  /**
   * How long all connections of one address go to the same pod: `spec.sessionAffinity: ClientIP`. The platform needs none.
   * @default - connections are spread
   */
  readonly sessionAffinity?: Duration;
  /**
   * Whether the Service has addresses of one family or of both: `spec.ipFamilyPolicy`. A change from both to one releases an
   * address.
   * @see https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services
   * @default - `SingleStack`
   */
  readonly ipFamilyPolicy?: IpFamilyPolicy;
  /**
   * Families of the Service's addresses, the main one first, which cannot be changed later: `spec.ipFamilies`.
   * @default - the cluster's main family
   */
  readonly ipFamilies?: IpFamily[];
}

/** Fields of a Service that clients outside the cluster may reach too. */
export interface ServerServiceOptions extends ServiceOptions {
  /**
   * From where it can be reached: `spec.type`. The pods speak plain HTTP: outside the cluster use an `exposure` with TLS, or
   * a load balancer that ends TLS and that a policy of the network protects.
   * @default ServiceType.CLUSTER_IP
   */
  readonly type?: ServiceType;
  /**
   * TCP port of each node: `spec.ports[0].nodePort`, for `NODE_PORT` and `LOAD_BALANCER`. The API server refuses one outside
   * the range of the cluster.
   * @default - chosen by Kubernetes, usually from 30000 to 32767
   */
  readonly nodePort?: number;
  /**
   * The implementation of the load balancer, if the cluster has several: `spec.loadBalancerClass`. It cannot be changed later.
   * @default - the cluster's default
   */
  readonly loadBalancerClass?: string;
  /**
   * Clients that the load balancer admits, in CIDR notation: `spec.loadBalancerSourceRanges`. Not every cloud observes it.
   * @default - every address
   */
  readonly loadBalancerSourceRanges?: string[];
  /**
   * Whether nodes hand connections only to pods of their own: `spec.externalTrafficPolicy: Local`. nginx then sees the
   * address of the client, by which it limits wrong passwords.
   * @default false
   */
  readonly keepClientAddress?: boolean;
}

/** The fields of `spec` that follow from the options, besides the port's number. */
export function serviceFields(options: ServerServiceOptions = {}): Partial<ServiceSpec> & { type: string } {
  const { type = ServiceType.CLUSTER_IP, sessionAffinity: affinity } = options;
  return {
    type,
    loadBalancerClass: options.loadBalancerClass,
    loadBalancerSourceRanges: options.loadBalancerSourceRanges,
    externalTrafficPolicy: options.keepClientAddress ? 'Local' : undefined,
    ...(affinity && {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds(affinity) } },
    }),
    ipFamilyPolicy: options.ipFamilyPolicy,
    ipFamilies: options.ipFamilies,
  };
}

/** What is wrong with the options of a Service. */
export function serviceRules(options: ServiceOptions = {}): Rule[] {
  const { ipFamilies, ipFamilyPolicy = IpFamilyPolicy.SINGLE_STACK } = options;
  return [
    ...annotationRules('service.annotations', options.annotations),
    wholeRule('service.port', options.port, 1, 65535),
    durationRule('service.sessionAffinity', options.sessionAffinity, 1, 86_400),
    {
      wrong: ipFamilies !== undefined && (ipFamilies.length === 0 || new Set(ipFamilies).size < ipFamilies.length),
      given: `service.ipFamilies is ${JSON.stringify(ipFamilies)}`,
      want: 'expected one or both families, each once',
    },
    {
      wrong: (ipFamilies?.length ?? 0) > 1 && ipFamilyPolicy === IpFamilyPolicy.SINGLE_STACK,
      given: 'service.ipFamilies has two families, and ipFamilyPolicy is SingleStack',
      want: 'expected IpFamilyPolicy.PREFER_DUAL_STACK or REQUIRE_DUAL_STACK',
    },
  ];
}

const CLASS = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;

/** What is wrong with the options of the server's Service. */
export function serverServiceRules(options: ServerServiceOptions = {}): Rule[] {
  const { type = ServiceType.CLUSTER_IP, nodePort, loadBalancerClass, loadBalancerSourceRanges } = options;
  const outside = 'ServiceType.NODE_PORT or LOAD_BALANCER';
  const balanced = 'ServiceType.LOAD_BALANCER';
  const needs = (expected: string, isRight: boolean, props: Record<string, unknown>): Rule[] =>
    Object.entries(props).map(([prop, value]) => ({
      wrong: value !== undefined && !isRight,
      given: `service.${prop} is given, and the type of the Service is ${type}`,
      want: `expected ${expected}, or no ${prop}`,
    }));
  return [
    ...serviceRules(options),
    wholeRule('service.nodePort', nodePort, 1, 65535),
    ...(loadBalancerSourceRanges ?? []).map((range) => cidrRule('service.loadBalancerSourceRanges', range)),
    shownRule(
      loadBalancerClass !== undefined && !CLASS.test(loadBalancerClass),
      'service.loadBalancerClass',
      loadBalancerClass,
      "a name, with or without a domain before it, e.g. 'service.k8s.aws/nlb'",
    ),
    ...needs(outside, type !== ServiceType.CLUSTER_IP, {
      nodePort,
      keepClientAddress: options.keepClientAddress || undefined,
    }),
    ...needs(balanced, type === ServiceType.LOAD_BALANCER, { loadBalancerClass, loadBalancerSourceRanges }),
  ];
}
