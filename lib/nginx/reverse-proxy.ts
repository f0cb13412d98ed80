import { ContainerResources } from 'cdk8s-plus-27';
import {
  NginxAccounts,
  NginxLogin,
  NginxOidcLogin,
  NginxUserLimits,
  NginxWorkspace,
  PublicAddress,
} from './nginx-options';
import { TLS_FOLDER, tlsFolder } from './pod-tls';
import { nginxConfiguration } from './server-site';
import { Sidecar, SidecarProps, sidecar } from './sidecar';

export const HTTP_PORT = 8080;
export const METRICS_PORT = 9090;

/** Within this time after SIGQUIT, idle clients get one more answer, which closes their connection. */
const KEEPALIVE_SECONDS = 10;
const USERS = '/run/secrets/mlflow-users';

/** Programs that log in with a token. The ports are of the pod's loopback. */
export interface ProxyAccounts extends Omit<NginxAccounts, 'cluster'> {
  /** The ConfigMap has a key for each ServiceAccount. @default - no ServiceAccounts */
  readonly cluster?: { readonly configMapName: string; readonly tokenPort: number };
}

/** nginx checks the password. */
export interface ProxyBasicLogin {
  readonly kind: 'basic';
  readonly realm: string;
  /** Secret with the users of people: key `auth` is an htpasswd file. */
  readonly usersSecret: string;
  /** Secret with a file for each program. Optional if the app needs no Job that creates Secrets. */
  readonly programs: { readonly secretName: string; readonly optional: boolean };
  /** @default - none */
  readonly accounts?: ProxyAccounts;
}

/** oauth2-proxy checks people and tokens, and nginx the passwords of programs. */
export interface ProxyOidcLogin extends Omit<NginxOidcLogin, 'programsFolder' | 'accounts'> {
  readonly programs: ProxyBasicLogin['programs'];
  readonly accounts?: ProxyAccounts;
}

export interface ReverseProxyProps extends PublicAddress {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly drainSeconds: number;
  /** How long `/health` may fail before the pod gets no requests. */
  readonly readinessSeconds: number;
  readonly upstreamPort: number;
  readonly configMapName: string;
  readonly login: ProxyBasicLogin | ProxyOidcLogin | { kind: 'mlflow' } | { kind: 'none' };
  readonly signedUrls: boolean;
  readonly maxArtifactMebibytes: number;
  readonly artifactWritesPaused: boolean;
  readonly ipv6: boolean;
  /** Secret with the certificate of the HTTP port. @default - plain HTTP */
  readonly tlsSecretName?: string;
  readonly workspaces: readonly NginxWorkspace[];
  /** @default false */
  readonly auditLog?: boolean;
  /** @default - none */
  readonly userLimits?: NginxUserLimits;
}

/** nginx in the server's own pod: the only way to MLflow, which listens on the pod's loopback. */
export class ReverseProxy {
  constructor(private readonly props: ReverseProxyProps) {}

  public configuration(): string {
    const { props } = this;
    return nginxConfiguration({
      login: nginxLogin(props.login),
      metrics: true,
      httpPort: HTTP_PORT,
      metricsPort: METRICS_PORT,
      upstreamPort: props.upstreamPort,
      drainSeconds: props.drainSeconds,
      keepaliveMinSeconds: KEEPALIVE_SECONDS,
      signedUrls: props.signedUrls,
      maxArtifactMebibytes: props.maxArtifactMebibytes,
      artifactWritesPaused: props.artifactWritesPaused,
      ipv6: props.ipv6,
      tls: props.tlsSecretName === undefined ? undefined : { folder: TLS_FOLDER, cache: true },
      workspaces: props.workspaces,
      userLimits: props.userLimits,
      auditLog: props.auditLog,
      httpsHosts: props.httpsHosts,
      path: props.path,
    });
  }

  /** Its container and volumes. */
  public sidecar(): Sidecar {
    const { image, resources, configMapName, login, readinessSeconds, tlsSecretName } = this.props;
    return sidecar({
      ...{ image, resources, configMapName, readinessSeconds },
      ports: [
        { name: 'http', containerPort: HTTP_PORT },
        { name: 'metrics', containerPort: METRICS_PORT },
      ],
      https: tlsSecretName !== undefined,
      folders: [...(userFolders(login) ?? []), ...(tlsSecretName === undefined ? [] : [tlsFolder(tlsSecretName)])],
    });
  }
}

const FOLDERS = { people: `${USERS}/people`, programs: `${USERS}/programs`, accounts: '/run/mlflow-accounts' };

function nginxLogin(login: ReverseProxyProps['login']): NginxLogin {
  switch (login.kind) {
    case 'basic':
      return {
        kind: 'basic',
        realm: login.realm,
        usersFile: `${FOLDERS.people}/auth`,
        programsFolder: FOLDERS.programs,
        accounts: nginxAccounts(login.accounts),
      };
    case 'oidc': {
      const { programs: _, accounts, ...rest } = login;
      return { ...rest, programsFolder: FOLDERS.programs, accounts: nginxAccounts(accounts) };
    }
    default:
      return login;
  }
}

function nginxAccounts(accounts: ProxyAccounts | undefined): NginxAccounts | undefined {
  if (!accounts) return undefined;
  const { cluster, issuers, port } = accounts;
  return { cluster: cluster && { folder: FOLDERS.accounts, tokenPort: cluster.tokenPort }, issuers, port };
}

function userFolders(login: ReverseProxyProps['login']): SidecarProps['folders'] {
  if (login.kind !== 'basic' && login.kind !== 'oidc') return [];
  const { programs, accounts } = login;
  const items = [{ key: 'auth', path: 'auth' }];
  const people = login.kind === 'basic' && {
    volume: { name: 'users', secret: { secretName: login.usersSecret, defaultMode: 0o440, items } },
    mountPath: FOLDERS.people,
  };
  const optional = programs.optional || undefined;
  return [
    ...(people ? [people] : []),
    {
      // A folder: a program that is added later appears in it without a restart.
      volume: { name: 'program-users', secret: { secretName: programs.secretName, defaultMode: 0o440, optional } },
      mountPath: FOLDERS.programs,
    },
    ...(accounts?.cluster
      ? [
          {
            volume: { name: 'accounts', configMap: { name: accounts.cluster.configMapName } },
            mountPath: FOLDERS.accounts,
          },
        ]
      : []),
  ];
}
