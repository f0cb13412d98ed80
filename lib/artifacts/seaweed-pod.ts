import { Size, SizeRoundingBehavior } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { s3Login } from './s3-connection';
import { PlacementOptions } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { PROGRAMS } from '../component/program';
import { LoginReference } from '../credentials/credentials';
import { Probe, Volume } from '../kubernetes/manifest';
import { SECRETS_DIRECTORY, environment, scratch, secretVolume } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

export const S3_PORT = 8333;
export const SEAWEED_METRICS_PORT = 9327;
export const SEAWEED_SCRIPT = 'run-seaweedfs.sh';

/** The folder in memory to which the program writes the logins. */
const CONFIG = '/run/seaweedfs';

/** Measured: 155 MiB idle; 500 to 750 MiB during an upload of 1 GiB, or 1.1 GiB with a version that has no reader limit. */
export const seaweedResources: ContainerResources = {
  cpu: { request: Cpu.millis(250), limit: Cpu.units(2) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) },
  ephemeralStorage: { request: Size.mebibytes(256), limit: Size.gibibytes(1) },
};

export interface SeaweedPodProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly placement: PlacementOptions;
  readonly root: LoginReference;
  /** MLflow's own key. */
  readonly login: LoginReference;
  readonly bucket: string;
  readonly metrics: boolean;
  /** Volume of the ConfigMap that contains the program. */
  readonly program: Volume;
  /** A hash of the program, so that a new program starts a rollout. */
  readonly configHash: string;
}

/** All servers in one process. Master, volume and filer ask for no login, so they listen on the loopback only. */
function args(metrics: boolean): string[] {
  return [
    'server',
    '-dir=/data',
    // The address must not change: the volumes are registered under it.
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    ...['-master.volumeSizeLimitMB', '1024'],
    '-master.telemetry=false',
    // The time that the only master waits for others before it becomes the leader. The default is ten seconds.
    '-master.electionTimeout=1s',
    // As many volumes as fit on the disk.
    '-volume.max=0',
    // In per cent. Below it, the store refuses writes but still deletes, and later accepts writes again.
    '-volume.minFreeSpace=5',
    '-volume.preStopSeconds=1',
    '-filer',
    '-filer.localSocket=/tmp/filer.sock',
    '-s3',
    '-s3.ip.bind=0.0.0.0',
    `-s3.port=${S3_PORT}`,
    '-s3.localSocket=/tmp/s3.sock',
    '-s3.iam=false',
    '-s3.autoCreateBucket=false',
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
    ...['-s3.concurrentUploadLimitMB', '128'],
    ...(metrics ? ['-metricsIp=0.0.0.0', `-metricsPort=${SEAWEED_METRICS_PORT}`] : []),
  ];
}

export function seaweedPod(props: SeaweedPodProps): PodProps {
  const { program, resources, root, login } = props;
  return {
    annotations: { 'cdk8s-mlflow/config-hash': props.configHash },
    user: ANY_USER,
    placement: props.placement,
    metrics: props.metrics ? { port: SEAWEED_METRICS_PORT } : undefined,
    terminationGracePeriodSeconds: 60,
    containers: [
      {
        name: 'seaweedfs',
        image: props.image,
        command: ['sh', `${PROGRAMS}/${SEAWEED_SCRIPT}`],
        args: args(props.metrics),
        env: environment({
          HOME: '/tmp',
          BUCKET: props.bucket,
          GOMEMLIMIT: memoryLimit(resources),
          // One file at a time for each bucket: the default of seven would use all slots of a small volume.
          WEED_MASTER_VOLUME_GROWTH_COPY_1: '1',
        }),
        ports: [
          { name: 's3', containerPort: S3_PORT },
          ...(props.metrics ? [{ name: 'metrics', containerPort: SEAWEED_METRICS_PORT }] : []),
        ],
        ...probes(),
        resources: renderResources(resources),
        securityContext: containerSecurity(ANY_USER),
        volumeMounts: [
          { name: 'seaweedfs-data', mountPath: '/data' },
          { name: 'program', mountPath: PROGRAMS, readOnly: true },
          { name: 'secrets', mountPath: SECRETS_DIRECTORY, readOnly: true },
          { name: 'config', mountPath: CONFIG },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      program,
      secretVolume('secrets', [
        { variable: 'ROOT_ACCESS_KEY_ID', secretName: root.secretName, key: root.usernameKey },
        { variable: 'ROOT_SECRET_ACCESS_KEY', secretName: root.secretName, key: root.passwordKey },
        ...s3Login(login),
      ]),
      scratch('config', Size.mebibytes(1), 'Memory'),
      scratch('tmp', Size.mebibytes(512)),
    ],
  };
}

/** For Go's garbage collector: it runs more often near the limit, so that the container is not killed. */
function memoryLimit({ memory }: ContainerResources): string {
  const limit = memory!.limit!.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR });
  return `${Math.max(1, Math.floor(limit * 0.65))}MiB`;
}

/**
 * The S3 server's own health paths answer 200 even if the parts behind it fail. Ready means: the bucket exists, master and
 * filer report that they work, and S3 answers.
 */
function probes(): { startupProbe: Probe; livenessProbe: Probe; readinessProbe: Probe } {
  const live = { httpGet: { path: '/healthz', port: 's3' }, timeoutSeconds: 5 };
  const urls = ['9333/readyz', '8888/healthz', `${S3_PORT}/healthz`].map((each) => `http://127.0.0.1:${each}`);
  const ready = `[ -e ${CONFIG}/ready ] && exec curl -fsS --fail-early -m 8 ${urls.map((url) => `-o /dev/null ${url}`).join(' ')}`;
  return {
    startupProbe: { ...live, periodSeconds: 1, failureThreshold: 300 },
    livenessProbe: { ...live, periodSeconds: 10, failureThreshold: 6 },
    // An exec probe can be late on a busy node, and if its only pod is not ready, no client can use the store.
    readinessProbe: {
      exec: { command: ['sh', '-c', ready] },
      periodSeconds: 5,
      timeoutSeconds: 10,
      failureThreshold: 3,
    },
  };
}
