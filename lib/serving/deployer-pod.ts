import { ContainerResources } from 'cdk8s-plus-27';
import { TrackingConnection } from './tracking-endpoint';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { PROGRAMS } from '../component/program';
import { AUTHORITY_FILE, withAuthority } from '../kubernetes/certificate-authority';
import { environment, fromField, mountConnections } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const HEALTH_PORT = 8080;
export const METRICS_PORT = 9090;
const TARGETS = '/etc/deployer';

/** The parts of a deployer's pod. */
export interface DeployerPodProps {
  /** Name of the deployer and of its Lease. */
  readonly name: string;
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly tracking: TrackingConnection;
  /** Of the program and its settings: if they change, the pod restarts. The targets are read again without a restart. */
  readonly configHash: string;
}

export function deployerPod({ name, placement, tracking, ...props }: DeployerPodProps): PodProps {
  const mounted = withAuthority(mountConnections([tracking]), placement.authority);
  const healthy = { httpGet: { path: '/healthz', port: 'health' }, timeoutSeconds: 5 };
  return {
    annotations: { 'cdk8s-mlflow/config-hash': props.configHash },
    apiAccess: true,
    user: ANY_USER,
    placement,
    spread: 'nodes',
    metrics: { port: METRICS_PORT },
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
        ],
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: `${name}-program` } },
      { name: 'targets', configMap: { name: `${name}-targets` } },
      ...mounted.volumes,
    ],
  };
}
