import { Size } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { LoginReference } from '../credentials/credentials';
import { Volume } from '../kubernetes/manifest';
import { environment, scratch, secretVolume, SECRETS_DIRECTORY } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

export const API_PORT = 9000;
export const CONSOLE_PORT = 9001;
/** Each pod answers there with the metrics of all pods. */
export const MINIO_METRICS_PATH = '/minio/v2/metrics/cluster';
const CERTIFICATES = '/etc/minio-tls';

export interface MinioPodProps {
  readonly name: string;
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly root: LoginReference;
  readonly replicas: number;
  /** The Service that gives the pods their names. */
  readonly governingService: string;
  /** Whether the metrics can be read without a login. */
  readonly publicMetrics: boolean;
  /** Secret with the certificate. @default - plain HTTP */
  readonly tlsSecretName?: string;
}

export function minioPod(props: MinioPodProps): PodProps {
  const { tlsSecretName } = props;
  const scheme = tlsSecretName === undefined ? undefined : 'HTTPS';
  const drives =
    props.replicas > 1
      ? `${scheme ? 'https' : 'http'}://${props.name}-{0...${props.replicas - 1}}.${props.governingService}:${API_PORT}/data`
      : '/data';
  return {
    user: ANY_USER,
    placement: props.placement,
    spread: props.replicas > 1 ? 'nodes' : undefined,
    metrics: props.publicMetrics ? { port: API_PORT, path: MINIO_METRICS_PATH, scheme: scheme && 'https' } : undefined,
    terminationGracePeriodSeconds: 60,
    containers: [
      {
        name: 'minio',
        image: props.image,
        // No command: the entry point of Silo's image starts `silo`, that of MinIO's image starts `minio`.
        args: [
          'server',
          drives,
          '--address',
          `:${API_PORT}`,
          '--console-address',
          `:${CONSOLE_PORT}`,
          ...(scheme ? ['--certs-dir', CERTIFICATES] : []),
        ],
        env: environment({
          HOME: '/tmp',
          MINIO_ROOT_USER_FILE: `${SECRETS_DIRECTORY}/MINIO_ROOT_USER`,
          MINIO_ROOT_PASSWORD_FILE: `${SECRETS_DIRECTORY}/MINIO_ROOT_PASSWORD`,
          MINIO_UPDATE: 'off',
          ...(props.publicMetrics && { MINIO_PROMETHEUS_AUTH_TYPE: 'public' }),
        }),
        ports: [
          { name: 'api', containerPort: API_PORT },
          { name: 'console', containerPort: CONSOLE_PORT },
        ],
        startupProbe: { ...live(scheme), periodSeconds: 1, failureThreshold: 300 },
        livenessProbe: { ...live(scheme), periodSeconds: 10, failureThreshold: 6 },
        readinessProbe: {
          httpGet: { path: '/minio/health/ready', port: 'api', scheme },
          periodSeconds: 5,
          timeoutSeconds: 5,
          failureThreshold: 2,
        },
        resources: renderResources(props.resources),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'minio-data', mountPath: '/data' },
          { name: 'root', mountPath: SECRETS_DIRECTORY, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
          ...(tlsSecretName ? [{ name: 'tls', mountPath: CERTIFICATES, readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      secretVolume('root', [
        { variable: 'MINIO_ROOT_USER', secretName: props.root.secretName, key: props.root.usernameKey },
        { variable: 'MINIO_ROOT_PASSWORD', secretName: props.root.secretName, key: props.root.passwordKey },
      ]),
      scratch('tmp', Size.mebibytes(512)),
      ...(tlsSecretName ? [certificates(tlsSecretName)] : []),
    ],
  };
}

/** By the names that MinIO looks for; it reads them again when they change. */
function certificates(secretName: string): Volume {
  const items = [
    { key: 'tls.crt', path: 'public.crt' },
    { key: 'tls.key', path: 'private.key' },
    { key: 'ca.crt', path: 'CAs/ca.crt' },
  ];
  return { name: 'tls', secret: { secretName, defaultMode: 0o440, items } };
}

function live(scheme?: 'HTTPS') {
  return { httpGet: { path: '/minio/health/live', port: 'api', scheme }, timeoutSeconds: 5 };
}
