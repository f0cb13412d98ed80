import { createHash } from 'crypto';
import { isIP } from 'net';
import { Component } from '../component/component';
import { PlacementOptions } from '../component/pod-options';
import { Credentials } from '../credentials/credentials';
import { checkInputs } from '../inputs/inputs';
import { Connection, SecretVariable } from '../kubernetes/connection';
import { EgressRule, egressRules } from '../kubernetes/network-peer';
import { Rule } from '../kubernetes/rules';
import { HTTP_PORT } from '../nginx/reverse-proxy';
import { RestrictedRole } from '../nginx/role-routes';
import { LONGEST_SERVICE_USER, ServiceUser } from '../tracking/service-user';
import { TrackingServer } from '../tracking/tracking-server';

/** A tracking server that this app does not create. */
export interface TrackingUrlProps {
  /**
   * The login: keys `username` and `password` of a Secret in the namespace of the client.
   * @default - none: the server needs no login
   */
  readonly credentials?: Credentials;
  /**
   * Destinations that the pods may connect to in order to reach it, by NetworkPolicy.
   * @default - for `http://name.namespace.svc`, the pods of that namespace on the URL's port and on 8080, where a server
   * of this library listens; for other names that can be a Service's (`name`, `name.namespace`, `name.namespace.svc` and
   * your own cluster domain) those and any address on the URL's port; otherwise, and for a `name.domain.` that ends
   * in a dot, any address on the URL's port
   */
  readonly egress?: EgressRule[];
}

/** How a pod reaches the registry. @internal */
export interface TrackingConnection extends Connection {
  readonly url: string;
  /** The service user, of a server of the same app. */
  readonly user?: ServiceUser;
}

/**
 * A tracking server as programs of the cluster see it: its address, and a service user for each.
 */
export class TrackingEndpoint {
  /**
   * A server of the same app. Each program gets a service user; if it runs in another namespace, the credentials Job
   * copies the Secret to it.
   *
   * @param server the tracking server, e.g. `mlflow.server`
   */
  public static fromServer(server: TrackingServer): TrackingEndpoint {
    checkInputs('TrackingEndpoint.fromServer', { server });
    return new TrackingEndpoint(
      (component, placement) => serverRules(server, component, placement),
      (component, name, role, workspace) => connectToServer(server, component, name, role, workspace),
    );
  }

  /**
   * A server elsewhere: of another app, another repository, another cluster.
   *
   * A host of two parts, `http://mlflow.internal:5000`, is treated as a Service, `<name>.<namespace>`: the login of a serving
   * with an exposure resolves `mlflow.internal.svc` and answers 503. If the host is outside the cluster, end it with a dot:
   * `http://mlflow.internal.:5000`.
   *
   * @param url as `MLFLOW_TRACKING_URI`, e.g. `http://mlflow-server.mlflow.svc:5000`
   * @param props login and network
   */
  public static fromUrl(url: string, props: TrackingUrlProps = {}): TrackingEndpoint {
    checkInputs('TrackingEndpoint.fromUrl', { url, props });
    return new TrackingEndpoint(
      () => [...urlRules(url, props.credentials), ...egressRules('egress of the tracking server', props.egress)],
      () => connectToUrl(url, props),
    );
  }

  private constructor(
    private readonly rules: (component: Component, placement: PlacementOptions) => Rule[],
    private readonly connect: (
      component: Component,
      name: string,
      role: RestrictedRole,
      workspace?: string,
    ) => TrackingConnection,
  ) {}

  /**
   * The broken rules of the endpoint, which a component reports together with its own.
   *
   * @param component who connects
   * @param placement what its pods trust
   * @internal
   */
  public _rules(component: Component, placement: PlacementOptions): Rule[] {
    return this.rules(component, placement);
  }

  /**
   * @param component who connects
   * @param name its service user's name, if it is in the server's own namespace
   * @param role what its user may do
   * @param workspace the only one in which its login is valid
   * @internal
   */
  public _connect(component: Component, name: string, role: RestrictedRole, workspace?: string): TrackingConnection {
    return this.connect(component, name, role, workspace);
  }
}

function serverRules(server: TrackingServer, component: Component, { authority }: PlacementOptions): Rule[] {
  return [
    {
      wrong: server.url.startsWith('https:') && authority === undefined,
      given: `the tracking server ${server.node.path} has tlsSecretName, and authority is not given`,
      want: "expected authority: CertificateAuthority.fromConfigMap('company-ca'), with which the pods verify its certificate",
    },
    {
      wrong: server.node.root !== component.node.root,
      given: `the tracking server ${server.node.path} is of another app`,
      want: "expected TrackingEndpoint.fromUrl('http://…', { credentials: Credentials.fromSecret('login') })",
    },
    {
      wrong: server.namespace === undefined || component.namespace === undefined,
      given: 'a chart has no namespace',
      want: "expected one for both, new Chart(app, 'ml-serving', { namespace: 'ml-serving' }): a login is made for one place",
    },
  ];
}

function connectToServer(
  server: TrackingServer,
  component: Component,
  name: string,
  role: RestrictedRole,
  workspace?: string,
): TrackingConnection {
  const elsewhere = server.namespace !== component.namespace;
  const inNamespace = (namespace: string) =>
    elsewhere ? { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } } : {};
  const user = server._addServiceUser(userName(elsewhere ? `${name}-${component.namespace}` : name), role, workspace);
  const secretName = elsewhere ? user._copyFor(component) : user.secretName;
  server._admit({ podLabels: component.podSelector, ...inNamespace(component.namespace!) });
  return {
    url: server.url,
    user,
    environment: { MLFLOW_TRACKING_URI: server.url },
    secretVariables: loginVariables(secretName, user.usernameKey, user.passwordKey),
    egress: [{ peer: { podLabels: server.podSelector, ...inNamespace(server.namespace!) }, port: HTTP_PORT }],
  };
}

function connectToUrl(url: string, { credentials, egress }: TrackingUrlProps): TrackingConnection {
  const login = credentials?._existing('username', 'password');
  return {
    url: url.replace(/\/+$/, ''),
    environment: { MLFLOW_TRACKING_URI: url.replace(/\/+$/, '') },
    secretVariables: login && loginVariables(login.secretName, login.usernameKey, login.passwordKey),
    egress: egress ?? egressOf(new URL(url)),
  };
}

function loginVariables(secretName: string, usernameKey: string, passwordKey: string): SecretVariable[] {
  return [
    { variable: 'MLFLOW_TRACKING_USERNAME', secretName, key: usernameKey },
    { variable: 'MLFLOW_TRACKING_PASSWORD', secretName, key: passwordKey },
  ];
}

/** Shortens a name that is too long, with a hash that keeps it unique. */
function userName(name: string): string {
  if (name.length <= LONGEST_SERVICE_USER) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, LONGEST_SERVICE_USER - 9).replace(/-+$/, '')}-${hash}`;
}

/**
 * Policies use the port of the pod behind a Service, which the URL does not contain. `name.namespace` can also be a domain
 * of the Internet, and a cluster domain can have any name: there both the pods' port and the URL's port are allowed.
 */
function egressOf({ port: given, protocol, hostname }: URL): EgressRule[] {
  const port = Number(given) || (protocol === 'http:' ? 80 : 443);
  const outside: EgressRule = { peer: { anyone: true }, port };
  // With a dot at its end it is no short name: a Service's has the cluster's domain then.
  const service = hostname.endsWith('.') ? /^[^.]+\.([^.]+)\.svc\..+\.$/ : /^[^.]+(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?$/;
  const [, namespace] = service.exec(hostname) ?? [];
  const isSurely = /^[^.]+\.[^.]+\.svc(\.cluster\.local)?\.?$/.test(hostname);
  if (isIP(hostname) || (namespace === undefined && hostname.includes('.'))) return [outside];
  const peer = namespace === undefined ? {} : { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } };
  const inside = [...new Set([port, HTTP_PORT])].map((each) => ({ peer, port: each }));
  return isSurely ? inside : [...inside, outside];
}

function urlRules(url: string, credentials?: Credentials): Rule[] {
  return [
    {
      wrong: !(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[\w./-]*)?$/.test(url) && URL.canParse(url)),
      given: `the URL of the tracking server is '${url}'`,
      want: "expected scheme, host in lower case and port, without a user, e.g. 'http://mlflow-server.mlflow.svc:5000'",
    },
    {
      wrong: credentials !== undefined && credentials._kind !== 'secret',
      given: 'the credentials for the tracking server are not those of a Secret',
      want: "expected Credentials.fromSecret('name'): this app cannot create users on a server that it does not manage",
    },
    ...(credentials?._rules('credentials') ?? []),
  ];
}
