import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { NginxLogin, nginxConfiguration } from './nginx-configuration';
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

/** nginx asks for the password. */
export interface ProxyBasicLogin {
  readonly kind: 'basic';
  readonly realm: string;
  /** Secret with the users of people: key `auth` is an htpasswd file. */
  readonly usersSecret: string;
  /** Secret with a file for each program; optional where nobody else wants a Job that makes Secrets. */
  readonly programs: { readonly secretName: string; readonly optional: boolean };
}

export interface ReverseProxyProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly drainSeconds: number;
  readonly upstreamPort: number;
  readonly configMapName: string;
  readonly login: ProxyBasicLogin | { kind: 'mlflow' } | { kind: 'none' };
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
            programsFolder: `${USERS}/programs`,
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
        ...(this.props.login.kind === 'basic'
          ? [
              { name: 'users', mountPath: `${USERS}/people`, readOnly: true },
              // A folder: a program that is added later appears in it without a restart.
              { name: 'program-users', mountPath: `${USERS}/programs`, readOnly: true },
            ]
          : []),
      ],
    };
  }

  public volumes(): Volume[] {
    const { login } = this.props;
    return [
      { name: 'proxy', configMap: { name: this.props.configMapName } },
      scratch('proxy-tmp', Size.mebibytes(64)),
      ...(login.kind === 'basic' ? userVolumes(login) : []),
    ];
  }
}

function userVolumes({ usersSecret, programs }: ProxyBasicLogin): Volume[] {
  const items = [{ key: 'auth', path: 'auth' }];
  const optional = programs.optional || undefined;
  return [
    { name: 'users', secret: { secretName: usersSecret, defaultMode: 0o440, items } },
    { name: 'program-users', secret: { secretName: programs.secretName, defaultMode: 0o440, optional } },
  ];
}
