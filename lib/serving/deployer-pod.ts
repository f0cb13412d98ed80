import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { TrackingConnection } from './tracking-endpoint';
import { ExtraContainerOptions } from '../component/extra-container-props';
import { TakenInPod } from '../component/extra-container-rules';
import { extraParts } from '../component/extra-containers';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { PROGRAMS } from '../component/program';
import { AUTHORITY_FILE, AUTHORITY_FOLDER, withAuthority } from '../kubernetes/certificate-authority';
import { Container } from '../kubernetes/manifest';
import { environment, fromField, mountConnections, scratch } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const HEALTH_PORT = 8080;
export const METRICS_PORT = 9090;
const TARGETS = '/etc/deployer';

/** Where the library mounts something in each deployer. */
export const DEPLOYER_FOLDERS = [PROGRAMS, TARGETS, AUTHORITY_FOLDER];
/** What containers of the user may not be called, and where they may not listen. */
export const TAKEN_IN_DEPLOYER: TakenInPod = {
  containers: ['deployer'],
  portNames: ['health', 'metrics'],
  ports: [HEALTH_PORT, METRICS_PORT],
};

/** Where Kubernetes mounts the token of the ServiceAccount, in each container that mounts nothing else there. */
const TOKEN_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The parts of a deployer's pod. */
export interface DeployerPodProps {
  /** Name of the deployer and of its Lease. */
  readonly name: string;
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly tracking: TrackingConnection;
  /** Containers and volumes of the user. */
  readonly options: ExtraContainerOptions;
  /** Of the program and its settings: if they change, the pod restarts. The targets are read again without a restart. */
  readonly configHash: string;
}

export function deployerPod({ name, placement, tracking, ...props }: DeployerPodProps): PodProps {
  const mounted = withAuthority(mountConnections([tracking]), placement.authority);
  const extra = extraParts(props.options);
  const healthy = { httpGet: { path: '/healthz', port: 'health' }, timeoutSeconds: 5 };
  return {
    annotations: { 'cdk8s-mlflow/config-hash': props.configHash },
    apiAccess: true,
    user: ANY_USER,
    placement,
    spread: 'nodes',
    metrics: { port: METRICS_PORT },
    initContainers: extra.initContainers.length > 0 ? extra.initContainers.map(withoutToken) : undefined,
    containers: [
      {
        name: 'deployer',
        image: props.image,
        command: ['node', `${PROGRAMS}/deployer.js`],
        env: [
          ...environment({ LEASE_NAME: name, ...(placement.authority && { NODE_EXTRA_CA_CERTS: AUTHORITY_FILE }) }),
          fromField('POD_NAME', 'metadata.name'),
          fromField('POD_NAMESPACE', 'metadata.namespace'),
        ],
        ports: [
          { name: 'health', containerPort: HEALTH_PORT },
          { name: 'metrics', containerPort: METRICS_PORT },
        ],
        startupProbe: { ...healthy, periodSeconds: 1, failureThreshold: 60 },
        livenessProbe: { ...healthy, periodSeconds: 20, failureThreshold: 6 },
        // It serves only metrics.
        readinessProbe: { tcpSocket: { port: 'metrics' }, periodSeconds: 5, failureThreshold: 3 },
        resources: renderResources(props.resources),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'program', mountPath: PROGRAMS, readOnly: true },
          { name: 'targets', mountPath: TARGETS, readOnly: true },
          ...mounted.mounts,
          ...extra.mounts,
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: `${name}-program` } },
      { name: 'targets', configMap: { name: `${name}-targets` } },
      ...mounted.volumes,
      ...extra.volumes,
      ...(extra.initContainers.length > 0 ? [scratch('no-token', Size.mebibytes(1))] : []),
    ],
  };
}

/** Only the deployer calls the API server. */
function withoutToken(container: Container): Container {
  const mount = { name: 'no-token', mountPath: TOKEN_FOLDER, readOnly: true };
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
}
