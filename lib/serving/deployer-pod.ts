import { ContainerResources } from 'cdk8s-plus-27';
import { TrackingConnection } from './tracking-endpoint';
import { PodTemplate } from '../kubernetes/manifest';
import { environment, fromField, mountConnections, podTemplate } from '../kubernetes/pod';
import { PlacementOptions } from '../kubernetes/pod-options';
import { PROGRAMS } from '../kubernetes/program';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

const HEALTH_PORT = 8080;
export const METRICS_PORT = 9090;
const TARGETS = '/etc/deployer';

/** What a deployer's pod is made of. */
export interface DeployerPodProps {
  /** Name of the deployer, of its account and of its Lease. */
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly selector: Record<string, string>;
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly tracking: TrackingConnection;
  /** Of the program and its settings: new pods where they change. The targets are read anew. */
  readonly configHash: string;
}

export function deployerPod({ name, labels, selector, placement, tracking, ...props }: DeployerPodProps): PodTemplate {
  const mounted = mountConnections([tracking]);
  const healthy = { httpGet: { path: '/healthz', port: 'health' }, timeoutSeconds: 5 };
  return podTemplate({
    labels: { ...labels, app: name },
    annotations: { 'cdk8s-mlflow/config-hash': props.configHash },
    serviceAccountName: name,
    apiAccess: true,
    user: ANY_USER,
    placement,
    spread: selector,
    containers: [
      {
        name: 'deployer',
        image: props.image,
        command: ['node', `${PROGRAMS}/deployer.js`],
        env: [
          ...environment({ LEASE_NAME: name }),
          fromField('POD_NAME', 'metadata.name'),
          fromField('POD_NAMESPACE', 'metadata.namespace'),
        ],
        ports: [
          { name: 'health', containerPort: HEALTH_PORT },
          { name: 'metrics', containerPort: METRICS_PORT },
        ],
        startupProbe: { ...healthy, periodSeconds: 1, failureThreshold: 60 },
        livenessProbe: { ...healthy, periodSeconds: 20, failureThreshold: 6 },
        // Nobody asks it for anything but metrics.
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
  });
}
