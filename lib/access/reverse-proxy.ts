import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { NginxLogin, nginxConfiguration } from './nginx-configuration';
import { ProgramRole } from './nginx-roles';
import { LoginReference } from '../credentials/credentials';
import { Container, Volume } from '../kubernetes/manifest';
import { scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

export const HTTP_PORT = 8080;
export const METRICS_PORT = 9090;

/** Until every kube-proxy, Ingress and Gateway has heard that the pod is going. */
const PRE_STOP_SECONDS = 8;
/** Idle clients get one more answer within this time after nginx was told to stop, and hear that it was the last. */
const KEEPALIVE_SECONDS = 10;
const CONFIGURATION = '/etc/mlflow-proxy';
const USERS = '/run/secrets/mlflow-users';

/** A program of the cluster that has a user of its own. */
export interface ProgramUser {
  readonly username: string;
  /** What it may do where nginx asks for the password; undefined: what a person may. */
  readonly role?: ProgramRole;
  /** Key `auth` of the Secret is its htpasswd line. */
  readonly login: LoginReference;
  /** Registered models that it may change where MLflow asks who comes: nginx asks nobody what he wants. */
  readonly models: Set<string>;
}

export interface ReverseProxyProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly drainSeconds: number;
  readonly upstreamPort: number;
  readonly configMapName: string;
  readonly login: { kind: 'basic'; realm: string; usersSecret: string } | { kind: 'mlflow' } | { kind: 'none' };
  readonly programs: ProgramUser[];
  readonly signedUrls: boolean;
  readonly maxArtifactMebibytes: number;
  readonly ipv6: boolean;
  /** Host that people reach by TLS alone. */
  readonly httpsHost?: string;
}

/** nginx in the server's own pod: the only way to MLflow, which listens on the pod's loopback. */
export class ReverseProxy {
  /** What the pod needs at most between SIGTERM and nginx's end. */
  public static stopSeconds(drainSeconds: number): number {
    return PRE_STOP_SECONDS + drainSeconds;
  }

  constructor(private readonly props: ReverseProxyProps) {}

  public configuration(): string {
    const { props } = this;
    const login: NginxLogin =
      props.login.kind === 'basic'
        ? {
            kind: 'basic',
            realm: props.login.realm,
            usersFile: `${USERS}/people/auth`,
            programs: props.programs.map(({ username, role }) => ({
              username,
              role,
              usersFile: `${USERS}/programs/${username}/auth`,
            })),
          }
        : props.login;
    return nginxConfiguration({
      login,
      metrics: true,
      httpPort: HTTP_PORT,
      metricsPort: METRICS_PORT,
      upstreamPort: props.upstreamPort,
      drainSeconds: props.drainSeconds,
      keepaliveMinSeconds: KEEPALIVE_SECONDS,
      signedUrls: props.signedUrls,
      maxArtifactMebibytes: props.maxArtifactMebibytes,
      ipv6: props.ipv6,
      httpsHost: props.httpsHost,
    });
  }

  public container(): Container {
    return {
      name: 'nginx',
      image: this.props.image,
      command: ['nginx', '-c', `${CONFIGURATION}/nginx.conf`, '-g', 'daemon off;'],
      ports: [
        { name: 'http', containerPort: HTTP_PORT },
        { name: 'metrics', containerPort: METRICS_PORT },
      ],
      // nginx ends gracefully on its image's own signal, SIGQUIT, and MLflow, as a sidecar, is stopped after it.
      lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
      livenessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
      readinessProbe: {
        httpGet: { path: '/health', port: 'http' },
        periodSeconds: 2,
        timeoutSeconds: 10,
        // Patient: a server with its hands full is slow to answer, and the others would get its load as well.
        failureThreshold: 15,
      },
      resources: renderResources(this.props.resources),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: [
        { name: 'proxy', mountPath: CONFIGURATION, readOnly: true },
        { name: 'proxy-tmp', mountPath: '/tmp' },
        ...(this.props.login.kind === 'basic' ? [{ name: 'users', mountPath: `${USERS}/people`, readOnly: true }] : []),
        ...this.programMounts().map(({ name, username }) => ({
          name,
          mountPath: `${USERS}/programs/${username}`,
          readOnly: true,
        })),
      ],
    };
  }

  public volumes(): Volume[] {
    const { login } = this.props;
    const auth = (name: string, secretName: string): Volume => ({
      name,
      secret: { secretName, defaultMode: 0o440, items: [{ key: 'auth', path: 'auth' }] },
    });
    return [
      { name: 'proxy', configMap: { name: this.props.configMapName } },
      scratch('proxy-tmp', Size.mebibytes(64)),
      ...(login.kind === 'basic' ? [auth('users', login.usersSecret)] : []),
      ...this.programMounts().map(({ name, secretName }) => auth(name, secretName)),
    ];
  }

  private programMounts() {
    if (this.props.login.kind !== 'basic') return [];
    return this.props.programs.map(({ username, login }) => ({
      name: `user-${username}`,
      username,
      secretName: login.secretName,
    }));
  }
}
