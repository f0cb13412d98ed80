import { Size } from 'cdk8s';
import { ExtraContainerOptions, ExtraContainerProbe, SidecarContainer } from './extra-container-props';
import { mountVolumes, volumeDisk } from './extra-volume';
import { NetworkBoundary } from './network-boundary';
import { seconds } from '../kubernetes/durations';
import { Container, EnvVar, Probe, Volume, VolumeMount } from '../kubernetes/manifest';
import { mountFiles } from '../kubernetes/mounted-files';
import { environment } from '../kubernetes/pod';
import { LOG_SPACE, mebibytes, mergeResources, renderResources } from '../kubernetes/resources';
import { SecretEnvironment } from '../kubernetes/secret-value';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** What a pod gets of them. */
export interface ExtraParts {
  /** Before the init containers of the library. */
  readonly initContainers: Container[];
  readonly volumes: Volume[];
  /** Of the containers of the library that run MLflow. */
  readonly mounts: VolumeMount[];
}

/** The containers and volumes of the user. */
export function extraParts({ sidecars = [], initContainers = [], volumes }: ExtraContainerOptions): ExtraParts {
  const shared = mountVolumes(volumes);
  const rendered = [
    ...sidecars.map((each) => part(each, shared.mounts, { restartPolicy: 'Always' as const })),
    ...initContainers.map((each) => part(each, shared.mounts, {})),
  ];
  return {
    initContainers: rendered.map(({ container }) => container),
    volumes: [...shared.volumes, ...rendered.flatMap((each) => each.volumes)],
    mounts: shared.mounts,
  };
}

/** Admits the clients of their ports. */
export function allowExtraPorts(network: NetworkBoundary, { sidecars = [] }: ExtraContainerOptions): void {
  for (const { port, clients = [] } of sidecars.flatMap(({ ports = [] }) => ports)) {
    for (const peer of clients) network.allowFrom(peer, port);
  }
}

function part(given: SidecarContainer, shared: VolumeMount[], kind: Pick<Container, 'restartPolicy'>) {
  const files = mountFiles(given.files, `files-of-${given.name}`);
  const own = mountVolumes(given.volumes, `volume-of-${given.name}`);
  const disk = Size.mebibytes(mebibytes(LOG_SPACE.limit) + volumeDisk(given.volumes));
  const defaults = { ephemeralStorage: { request: LOG_SPACE.request, limit: disk } };
  const mounts = [...shared, ...own.mounts, ...files.mounts];
  const env = [...environment(given.environment ?? {}), ...fromSecrets(given.secretEnvironment)];
  const container: Container = {
    name: given.name,
    image: given.image,
    ...kind,
    command: given.command,
    args: given.args,
    env: env.length > 0 ? env : undefined,
    ports: given.ports?.map(({ name, port }) => ({ name, containerPort: port })),
    startupProbe: probe(given.startupProbe),
    livenessProbe: probe(given.livenessProbe),
    readinessProbe: probe(given.readinessProbe),
    resources: renderResources(mergeResources(defaults, given.resources)),
    securityContext: containerSecurity(given.user ?? ANY_USER),
    volumeMounts: mounts.length > 0 ? mounts : undefined,
  };
  return { container, volumes: [...own.volumes, ...files.volumes] };
}

/** The programs of other images read no files of the library's, so these are variables. */
function fromSecrets(secretEnvironment: SecretEnvironment = {}): EnvVar[] {
  return Object.entries(secretEnvironment).map(([name, { _secretName, _key }]) => ({
    name,
    valueFrom: { secretKeyRef: { name: _secretName, key: _key } },
  }));
}

function probe(given: ExtraContainerProbe | undefined): Probe | undefined {
  if (!given) return undefined;
  const { command, port, path, period, timeout, failures } = given;
  return {
    ...(command
      ? { exec: { command } }
      : path === undefined
        ? { tcpSocket: { port: port! } }
        : { httpGet: { path, port: port! } }),
    periodSeconds: period ? seconds(period) : 10,
    timeoutSeconds: timeout ? seconds(timeout) : 5,
    failureThreshold: failures ?? 3,
  };
}
