import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { accountTokenArguments } from './account-token-arguments';
import { oauth2ProxyLiveness } from './oauth2-proxy';
import { SIGN_ON_RESOURCES } from './sign-on-pod';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { PROGRAMS } from '../component/program';
import { Images } from '../images';
import { Container, Volume } from '../kubernetes/manifest';
import { environment, scratch } from '../kubernetes/pod';
import { LOG_SPACE, renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** Program of MLflow's image that the pod runs too. */
export const ACCOUNT_PROGRAM = 'account_keys.py';

/** Ports of the pod's loopback: oauth2-proxy, nginx and account_keys.py. */
const PORTS = { tokens: 4181, judge: 4182, keys: 4183 };
/** Counters of oauth2-proxy without a login. No NetworkPolicy opens the port: it is for the probe. */
const METRICS_PORT = 44181;
/** On which its containers listen. */
export const ACCOUNT_POD_PORTS = [...Object.values(PORTS), METRICS_PORT];

const SETTINGS = '/run/account-tokens';
const API_SERVER = '/run/secrets/api-server';

/** Measured: 23 MiB. */
const KEYS_RESOURCES: ContainerResources = {
  cpu: { request: Cpu.millis(10), limit: Cpu.millis(200) },
  memory: { request: Size.mebibytes(32), limit: Size.mebibytes(96) },
  ephemeralStorage: LOG_SPACE,
};

/** Where nginx asks about a token of a ServiceAccount. */
export const ACCOUNT_TOKEN_PORT = PORTS.tokens;
/** Where nginx itself decides about tokens. */
export const JUDGE_PORT = PORTS.judge;

export interface AccountPodProps {
  /** MLflow's, for its Python. */
  readonly image: string;
  readonly placement: PlacementOptions;
  readonly audience: string;
}

export interface AccountPod {
  /** Sidecars, in the order in which they start. */
  readonly containers: Container[];
  readonly volumes: Volume[];
}

/** The sidecars that check tokens of ServiceAccounts: the keys of the cluster, and oauth2-proxy. */
export function accountPod(props: AccountPodProps): AccountPod {
  return {
    containers: [keys(props), tokens(props)],
    volumes: [
      scratch('account-tokens', Size.mebibytes(1)),
      {
        // Only for account_keys.py: MLflow and its users get no token for the API server.
        name: 'api-server',
        projected: {
          defaultMode: 0o440,
          sources: [
            { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          ],
        },
      },
    ],
  };
}

function keys({ image }: AccountPodProps): Container {
  return {
    name: 'account-keys',
    image,
    restartPolicy: 'Always',
    command: ['python', '-S', '-E', `${PROGRAMS}/${ACCOUNT_PROGRAM}`],
    env: environment({
      ACCOUNT_DIRECTORY: API_SERVER,
      ACCOUNT_KEYS_PORT: String(PORTS.keys),
      SETTINGS_DIRECTORY: SETTINGS,
    }),
    // oauth2-proxy does not start without its settings. They need no answer of the API server.
    startupProbe: {
      exec: { command: ['stat', `${SETTINGS}/oauth2-proxy.cfg`] },
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 120,
    },
    livenessProbe: {
      exec: {
        command: [
          'python',
          '-S',
          '-E',
          '-c',
          `import socket; socket.create_connection(('127.0.0.1', ${PORTS.keys}), 10)`,
        ],
      },
      periodSeconds: 60,
      timeoutSeconds: 15,
      failureThreshold: 3,
    },
    resources: renderResources(KEYS_RESOURCES),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [
      { name: 'programs', mountPath: PROGRAMS, readOnly: true },
      { name: 'account-tokens', mountPath: SETTINGS },
      { name: 'api-server', mountPath: API_SERVER, readOnly: true },
    ],
  };
}

function tokens({ placement, audience }: AccountPodProps): Container {
  return {
    name: 'account-tokens',
    image: mirrored(Images.OAUTH2_PROXY, placement),
    restartPolicy: 'Always',
    command: ['/bin/oauth2-proxy'],
    args: accountTokenArguments({
      audience,
      settings: SETTINGS,
      port: PORTS.tokens,
      keysPort: PORTS.keys,
      metricsPort: METRICS_PORT,
    }),
    ports: [{ name: 'token-metrics', containerPort: METRICS_PORT }],
    livenessProbe: oauth2ProxyLiveness('token-metrics'),
    resources: renderResources(SIGN_ON_RESOURCES),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [{ name: 'account-tokens', mountPath: SETTINGS, readOnly: true }],
  };
}
