import { createHash } from 'crypto';
import { isIP } from 'net';
import { ProgramRole } from '../access/nginx-roles';
import { HTTP_PORT } from '../access/reverse-proxy';
import { Credentials } from '../credentials/credentials';
import { checkInputs } from '../inputs/inputs';
import { Component } from '../kubernetes/component';
import { Connection, EgressRule, SecretVariable } from '../kubernetes/connection';
import { egressRules } from '../kubernetes/network-boundary';
import { Rule, check } from '../kubernetes/rules';
import { LONGEST_PROGRAM } from '../tracking/login';
import { TrackingServer } from '../tracking/tracking-server';

/** What is to be known of a tracking server that another app, or somebody else, runs. */
export interface TrackingUrlProps {
  /**
   * The login: keys `username` and `password` of a Secret in the namespace of whoever connects.
   * @default - none: the server asks for no login
   */
  readonly credentials?: Credentials;
  /**
   * Where the pods may go to reach it, by NetworkPolicy.
   * @default - for `http://name.namespace.svc`, the pods of that namespace on the URL's port and on 8080, where a server
   * of this library listens; for other names that can be a Service's (`name`, `name.namespace`, `name.namespace.svc` and
   * a cluster domain of one's own) those and any address on the URL's port; otherwise any address on the URL's port
   */
  readonly egress?: EgressRule[];
}

/** How a pod reaches the registry. @internal */
export interface TrackingConnection extends Connection {
  readonly url: string;
  /** Lets the program write onto the versions of this model. */
  readonly letEdit?: (model: string) => void;
}

/**
 * A tracking server as programs of the cluster see it: its address, and a login of their own for each.
 */
export class TrackingEndpoint {
  /**
   * A server of the same app. Each program gets a user of its own; where it runs in another namespace, the credentials
   * Job puts a copy of its Secret there.
   *
   * @param server the tracking server, e.g. `mlflow.server`
   */
  public static fromServer(server: TrackingServer): TrackingEndpoint {
    checkInputs('TrackingEndpoint.fromServer', { server });
    return new TrackingEndpoint((component, program, role) => connectToServer(server, component, program, role));
  }

  /**
   * A server elsewhere: of another app, another repository, another cluster.
   *
   * @param url as `MLFLOW_TRACKING_URI`, e.g. `http://mlflow-server.mlflow.svc:5000`
   * @param props login and network
   */
  public static fromUrl(url: string, props: TrackingUrlProps = {}): TrackingEndpoint {
    checkInputs('TrackingEndpoint.fromUrl', { url, props });
    return new TrackingEndpoint((component) => connectToUrl(url, props, component));
  }

  private constructor(
    private readonly connect: (component: Component, program: string, role: ProgramRole) => TrackingConnection,
  ) {}

  /**
   * @param component who connects
   * @param program its user's name, where it lies in the server's own namespace
   * @param role what its user may do
   * @internal
   */
  public _connect(component: Component, program: string, role: ProgramRole): TrackingConnection {
    return this.connect(component, program, role);
  }
}

function connectToServer(
  server: TrackingServer,
  component: Component,
  program: string,
  role: ProgramRole,
): TrackingConnection {
  check(component, [
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
  ]);
  const elsewhere = server.namespace !== component.namespace;
  const inNamespace = (namespace: string) =>
    elsewhere ? { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } } : {};
  const user = userName(elsewhere ? `${program}-${component.namespace}` : program);
  const login = server._addProgram(user, role);
  const secretName = elsewhere ? server._copyLogin(component, user) : login.secretName;
  server._admit({ podLabels: component.podSelector, ...inNamespace(component.namespace!) });
  return {
    url: server.url,
    letEdit: (model: string) => server._letEdit(user, model),
    environment: { MLFLOW_TRACKING_URI: server.url },
    secretVariables: loginVariables(secretName, login.usernameKey, login.passwordKey),
    egress: [{ peer: { podLabels: server.podSelector, ...inNamespace(server.namespace!) }, port: HTTP_PORT }],
  };
}

function connectToUrl(url: string, { credentials, egress }: TrackingUrlProps, component: Component) {
  check(component, [...urlRules(url, credentials), ...egressRules('egress of the tracking server', egress)]);
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

/** A name that is too long ends with a hash, so that it stays one of its own. */
function userName(program: string): string {
  if (program.length <= LONGEST_PROGRAM) return program;
  const hash = createHash('sha256').update(program).digest('hex').slice(0, 8);
  return `${program.slice(0, LONGEST_PROGRAM - 9).replace(/-+$/, '')}-${hash}`;
}

/**
 * Policies count the port of the pod behind a Service, which the URL does not tell. `name.namespace` looks like a domain of
 * the Internet, and a cluster's own domain like any other: there the pods' port is opened beside what the URL says.
 */
function egressOf({ port: given, protocol, hostname }: URL): EgressRule[] {
  const port = Number(given) || (protocol === 'http:' ? 80 : 443);
  const outside: EgressRule = { peer: { anyone: true }, port };
  const [, namespace] = /^[^.]+(?:\.([^.]+)(?:\.svc(?:\..+)?)?)?\.?$/.exec(hostname) ?? [];
  const isSurely = /^[^.]+\.[^.]+\.svc(\.cluster\.local)?\.?$/.test(hostname);
  if (isIP(hostname) || (namespace === undefined && hostname.includes('.'))) return [outside];
  const peer = namespace === undefined ? {} : { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } };
  const inside = [...new Set([port, HTTP_PORT])].map((each) => ({ peer, port: each }));
  return isSurely ? inside : [...inside, outside];
}

function urlRules(url: string, credentials?: Credentials): Rule[] {
  return [
    {
      wrong: !/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[\w./-]*)?$/.test(url),
      given: `the URL of the tracking server is '${url}'`,
      want: "expected scheme, host in lower case and port, without a user, e.g. 'http://mlflow-server.mlflow.svc:5000'",
    },
    {
      wrong: credentials !== undefined && credentials._kind !== 'secret',
      given: 'the credentials for the tracking server are not those of a Secret',
      want: "expected Credentials.fromSecret('name'): nobody here can make a user of a server elsewhere",
    },
    ...(credentials?._rules('credentials') ?? []),
  ];
}
