import { ServiceUserRole } from './service-user-role';

/** nginx has a TLS port: TLS from an Ingress, a Gateway or a client in the cluster to the pod. */
export interface PodTls {
  /** Folder with `tls.crt` and `tls.key`. */
  readonly folder: string;
  /** Whether nginx keeps a certificate that it has read. It needs nginx 1.27.4. */
  readonly cache: boolean;
}

/** Programs that log in with a token: see account-tokens.ts. */
export interface NginxAccounts {
  /** ServiceAccounts of Kubernetes. @default - none */
  readonly cluster?: NginxCluster;
  /** Further issuers of tokens: see issuer-tokens.ts. @default - none */
  readonly issuers?: readonly NginxTokenIssuer[];
  /** Where nginx decides about them, on the pod's loopback. */
  readonly port: number;
}

/** The ServiceAccounts of the cluster. */
export interface NginxCluster {
  /** Folder with a file for each account, named `<role>.<namespace>.<name>`. */
  readonly folder: string;
  /** Where oauth2-proxy checks their tokens, on the pod's loopback. */
  readonly tokenPort: number;
}

/** One issuer and audience. */
export interface NginxTokenIssuer {
  /** Where oauth2-proxy checks its tokens, on the pod's loopback. */
  readonly port: number;
  readonly logins: readonly NginxTokenLogin[];
}

export interface NginxTokenLogin {
  /** In the access log and of runs. */
  readonly name: string;
  readonly role: ServiceUserRole;
  /** What the token must have. */
  readonly claims: Record<string, string>;
}

/** nginx checks the password, with one htpasswd file for people, and one for each service user. */
export interface NginxBasicLogin {
  readonly kind: 'basic';
  readonly realm: string;
  readonly usersFile: string;
  /** Folder with an htpasswd file for each program, named `<role>.<user>`: see roles.ts. */
  readonly programsFolder: string;
  /** @default - none */
  readonly accounts?: NginxAccounts;
}

/** oauth2-proxy checks the session or the token of people, and nginx the passwords of programs. */
export interface NginxOidcLogin {
  readonly kind: 'oidc';
  readonly realm: string;
  /** As for `basic`. */
  readonly programsFolder: string;
  /** @default - none */
  readonly accounts?: NginxAccounts;
  /** Where oauth2-proxy listens on the pod's loopback. */
  readonly port: number;
  /** Groups of which a caller must have one. @default - all callers whom the provider knows */
  readonly groups?: string[];
  /** Domains of which a caller's e-mail address must have one. @default - all */
  readonly emailDomains?: string[];
  /**
   * MLflow has users of its own. It gets the name and kind of the login in `X-Proxy-Login`: members of these groups, who may come in
   * without one of `groups`, are its administrators.
   * @default - none: MLflow knows no users
   */
  readonly adminGroups?: string[];
  /** Where a person goes after the session here has ended, to end that of the provider. @default - the first page */
  readonly logoutUrl?: string;
}

/** Which program checks the login: nginx, oauth2-proxy, MLflow's own app, or none. */
export type NginxLogin = NginxBasicLogin | NginxOidcLogin | { readonly kind: 'mlflow' } | { readonly kind: 'none' };

/** Whether MLflow knows the users of the login. */
export const mlflowHasUsers = (login: NginxLogin) =>
  login.kind === 'mlflow' || (login.kind === 'oidc' && login.adminGroups !== undefined);

/** A workspace of MLflow, and the people who may use it. */
export interface NginxWorkspace {
  readonly name: string;
  /** Names in the htpasswd file, for `basic`. @default - all people */
  readonly users?: readonly string[];
  /** Groups of which a caller must have one, for `oidc`. @default - as for the whole server */
  readonly groups?: readonly string[];
  /** Requests a second in it, for `basic` and `oidc`. @default - no limit */
  readonly requestsPerSecond?: number;
}

/** What each user may send, for `basic` and `oidc`: see user-limits.ts. */
export interface NginxUserLimits {
  readonly requestsPerSecond?: number;
  /** How many more may come at once. @default - those of 10 seconds, at least 50 */
  readonly burst?: number;
  /** Requests that are answered at the same time. */
  readonly concurrentRequests?: number;
}

/** By which address clients outside the cluster reach a server or a serving. */
export interface PublicAddress {
  /** Hosts whose plain http an Ingress or a Gateway passes on although they have TLS: it is redirected. @default - none */
  readonly httpsHosts?: readonly string[];
  /** Path that the address has before the program's own paths, e.g. `/mlflow`. @default - none */
  readonly path?: string;
}

export interface NginxOptions extends PublicAddress {
  readonly login: NginxLogin;
  /** Workspaces of MLflow, of which every other is refused. @default - none: MLflow runs without workspaces */
  readonly workspaces?: readonly NginxWorkspace[];
  /** Whether MLflow gets the name of the login, for its audit log. @default false */
  readonly auditLog?: boolean;
  /** @default - none */
  readonly userLimits?: NginxUserLimits;
  /** Whether a second port serves /metrics and nothing else. */
  readonly metrics: boolean;
  /** How long running requests may take to end after SIGQUIT. */
  readonly drainSeconds: number;
  /** The longest silence of MLflow while it works on a request. @default 3600 */
  readonly timeoutSeconds?: number;
  /** MLflow may give its clients signed URLs of the store; see artifact-locations.ts. @default false */
  readonly signedUrls?: boolean;
  /** The largest artifact that MLflow has space for, in MiB. @default - no limit */
  readonly maxArtifactMebibytes?: number;
  /** Artifacts can be read, and an upload or a removal is answered with 503 and `Retry-After`. @default false */
  readonly artifactWritesPaused?: boolean;
  /** A connection used within this time survives SIGQUIT for one more answer. @default - none: needs nginx 1.27.4 */
  readonly keepaliveMinSeconds?: number;
  /** 8080, 9090, and 5000, where MLflow listens on the pod's loopback. */
  readonly httpPort?: number;
  readonly metricsPort?: number;
  readonly upstreamPort?: number;
  /** Where requests are counted, by UDP on the pod's loopback, if `metrics` is true: see request-lines.ts. @default 5001 */
  readonly requestLinesPort?: number;
  /** Also listen on IPv6; nginx does not start if the node has none. @default false */
  readonly ipv6?: boolean;
  /** The first port has TLS. @default - plain HTTP */
  readonly tls?: PodTls;
  /** The only folder that nginx writes to. @default '/tmp' */
  readonly temporaryDirectory?: string;
}
