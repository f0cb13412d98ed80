import { createHash } from 'crypto';
import { ProgramRole } from '../access/nginx-roles';
import { HTTP_PORT } from '../access/reverse-proxy';
import { Credentials } from '../credentials/credentials';
import { Component } from '../kubernetes/component';
import { Connection, EgressRule, SecretVariable } from '../kubernetes/connection';
import { Rule, check } from '../kubernetes/rules';
import { SERVICE_PORT } from '../tracking/hosts';
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
   * of this library listens; otherwise any address on the URL's port
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
    return new TrackingEndpoint((component, program, role) => connectToServer(server, component, program, role));
  }

  /**
   * A server elsewhere: of another app, another repository, another cluster.
   *
   * @param url as `MLFLOW_TRACKING_URI`, e.g. `http://mlflow-server.mlflow.svc:5000`
   * @param props login and network
   */
  public static fromUrl(url: string, props: TrackingUrlProps = {}): TrackingEndpoint {
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
      want: "want TrackingEndpoint.fromUrl('http://…', { credentials: Credentials.fromSecret('login') })",
    },
    {
      wrong: server.namespace === undefined || component.namespace === undefined,
      given: 'a chart has no namespace',
      want: "want one for both, new Chart(app, 'ml-serving', { namespace: 'ml-serving' }): a login is made for one place",
    },
  ]);
  const elsewhere = server.namespace !== component.namespace;
  const inNamespace = (namespace: string) =>
    elsewhere ? { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } } : {};
  const user = userName(elsewhere ? `${program}-${component.namespace}` : program);
  const login = server._addProgram(user, role);
  const secretName = elsewhere ? server._copyLogin(component, user) : login.secretName;
  server._admit({ podLabels: component.podSelector, ...inNamespace(component.namespace!) });
  const url = elsewhere ? `http://${server.componentName}.${server.namespace}.svc:${SERVICE_PORT}` : server.url;
  return {
    url,
    letEdit: (model: string) => server._letEdit(user, model),
    environment: { MLFLOW_TRACKING_URI: url },
    secretVariables: loginVariables(secretName, login.usernameKey, login.passwordKey),
    egress: [{ peer: { podLabels: server.podSelector, ...inNamespace(server.namespace!) }, port: HTTP_PORT }],
  };
}

function connectToUrl(url: string, { credentials, egress }: TrackingUrlProps, component: Component) {
  check(component, urlRules(url, credentials));
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

/** Policies count the port of the pod behind a Service, which the URL does not tell. */
function egressOf(url: URL): EgressRule[] {
  const port = Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
  const [, namespace] = /^[^.]+\.([^.]+)\.svc(?:\.cluster\.local)?\.?$/.exec(url.hostname) ?? [];
  if (!namespace) return [{ peer: { anyone: true }, port }];
  const peer = { namespaceLabels: { 'kubernetes.io/metadata.name': namespace } };
  return [...new Set([port, HTTP_PORT])].map((each) => ({ peer, port: each }));
}

function urlRules(url: string, credentials?: Credentials): Rule[] {
  return [
    {
      wrong: !/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[\w./-]*)?$/.test(url),
      given: `the URL of the tracking server is '${url}'`,
      want: "want scheme, host in lower case and port, without a user, e.g. 'http://mlflow-server.mlflow.svc:5000'",
    },
    {
      wrong: credentials !== undefined && credentials._kind !== 'secret',
      given: 'the credentials for the tracking server are not those of a Secret',
      want: "want Credentials.fromSecret('name'): nobody here can make a user of a server elsewhere",
    },
    ...(credentials?._rules('credentials') ?? []),
  ];
}
