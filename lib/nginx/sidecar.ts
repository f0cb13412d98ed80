import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { Container, Volume, VolumeMount } from '../kubernetes/manifest';
import { scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** Until every kube-proxy, Ingress and Gateway has heard that the pod is going. */
const PRE_STOP_SECONDS = 8;
const READINESS_PERIOD_SECONDS = 2;
/** The mount path of the ConfigMap with `nginx.conf`. */
export const CONFIGURATION = '/etc/mlflow-proxy';

/** What a pod gets. */
export interface Sidecar {
  readonly container: Container;
  readonly volumes: Volume[];
}

export interface SidecarProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly configMapName: string;
  /** How long `/health` may fail before the pod gets no requests. @default 30 */
  readonly readinessSeconds?: number;
  /** @default - nginx itself, with `nginx.conf` of the ConfigMap */
  readonly command?: string[];
  /** The first one is for clients, and has `/health`. */
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  /** Whether the first port has TLS. @default false */
  readonly https?: boolean;
  /** Mounts of volumes that the pod has anyway. @default - none */
  readonly mounts?: VolumeMount[];
  /** Further read-only folders, in addition to the configuration and nginx's temporary files. */
  readonly folders?: readonly { readonly volume: Volume; readonly mountPath: string }[];
}

/** What a pod needs at most between SIGTERM and the end of an nginx that gives requests so long to end. */
export function stopSeconds(drainSeconds: number): number {
  return PRE_STOP_SECONDS + drainSeconds;
}

/** The nginx sidecar of a tracking server or of a serving. */
export function sidecar(props: SidecarProps): Sidecar {
  return { container: container(props), volumes: volumes(props) };
}

function container(props: SidecarProps): Container {
  const [{ name: port }] = props.ports;
  return {
    name: 'nginx',
    image: props.image,
    command: props.command ?? ['nginx', '-c', `${CONFIGURATION}/nginx.conf`, '-g', 'daemon off;'],
    ports: props.ports.map((each) => ({ ...each })),
    // nginx ends gracefully on its image's own signal, SIGQUIT, and what is behind it is stopped after it.
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    livenessProbe: { tcpSocket: { port }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: {
      // The kubelet does not verify the certificate.
      httpGet: { path: '/health', port, scheme: props.https ? 'HTTPS' : undefined },
      periodSeconds: READINESS_PERIOD_SECONDS,
      timeoutSeconds: 10,
      // Many failures: a busy server answers slowly, and if it were not Ready, the others would get its load too.
      failureThreshold: Math.ceil((props.readinessSeconds ?? 30) / READINESS_PERIOD_SECONDS),
    },
    resources: renderResources(props.resources),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [
      { name: 'proxy', mountPath: CONFIGURATION, readOnly: true },
      { name: 'proxy-tmp', mountPath: '/tmp' },
      ...(props.folders ?? []).map(({ volume, mountPath }) => ({ name: volume.name, mountPath, readOnly: true })),
      ...(props.mounts ?? []),
    ],
  };
}

function volumes({ configMapName, folders = [] }: SidecarProps): Volume[] {
  return [
    { name: 'proxy', configMap: { name: configMapName } },
    scratch('proxy-tmp', Size.mebibytes(64)),
    ...folders.map(({ volume }) => volume),
  ];
}
