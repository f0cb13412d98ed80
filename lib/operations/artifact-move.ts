import { Size, SizeRoundingBehavior } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { ArtifactMoveProps } from './artifact-move-props';
import { Destination, destination } from './destination';
import { proxyEnvironment, rcloneEnvironment, rcloneImage, rcloneResources } from './rclone-container';
import { sharedMounts, sidecar } from './sidecar';
import { Component } from '../component/component';
import { cronJob } from '../component/cron-job';
import { NetworkBoundary } from '../component/network-boundary';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, programVolume, programs, withRevisionKey } from '../component/program';
import { onTheNodeOf } from '../component/spread-and-affinity';
import { configMap, serviceAccount } from '../component/standard-objects';
import { checkInputs } from '../inputs/inputs';
import { Connection } from '../kubernetes/connection';
import { Container, setMetadata } from '../kubernetes/manifest';
import { Mounted, accountAnnotations, environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { Rule, imageRule, sameNamespaceRule } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { inPodRule } from '../tracking/migration-in-pod';
import { OperatedServer } from '../tracking/operated-server';
import { ArtifactAccess } from '../tracking/tracking-server-props';

/** The program, and the modules that it imports. */
const FILES = ['move_artifacts.py', 'secret_files.py', 'schema.py', 'sidecars.py', 'backups.py', 'run-rclone.sh'];
/** Kubernetes adds 11 characters to the name of a CronJob. */
const LONGEST_SUFFIX = '-00000000000';

const MOST_KIBIBYTES = 1024 ** 4;

/** Lists of files and checksums: about 1 KiB for each file. */
const WORK_SPACE = Size.gibibytes(2);

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(256), limit: Size.gibibytes(2) },
  ephemeralStorage: { request: Size.mebibytes(256), limit: Size.mebibytes(2560) },
};

/**
 * Copies all artifacts of a tracking server to another store, while the server goes on, and compares each by its SHA-256: the
 * CronJob `<name>`, which is suspended. You start a Job from it as often as you want; each copies what is new or changed.
 * With `pauseArtifactWrites` of the server, the Job succeeds only if nothing changed meanwhile, so that `artifacts` of the
 * server can be changed after it. It removes nothing.
 *
 * Objects, by the ids for `apiObject()`: `cron-job`, `config-map`, `service-account`, `network-policy`.
 *
 * @see docs/how-to/move-between-stores.md
 */
export class ArtifactMove extends Component {
  private readonly server: OperatedServer;
  private readonly database: Connection;
  private readonly source: Connection;
  private readonly destination: Destination;

  /**
   * @param scope the chart, or a construct in a chart, that contains it. It must be in the namespace of the server
   * @param id names the resources: a DNS label
   * @param props the server, and the store to copy to
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ArtifactMoveProps,
  ) {
    super(scope, id, { role: 'artifact-move', longestSuffix: LONGEST_SUFFIX });
    checkInputs('new ArtifactMove', { scope, id, props }, this);
    this.server = props.server._operated();
    this._check({}, this.rules());
    setMetadata(this, this.server.placement);
    const client = {
      name: this.node.path,
      podLabels: this.podSelector,
      namespace: this.namespace,
      // One of the connections that the database reserves is enough.
      maxConnections: 0,
    };
    ({ database: this.database, artifacts: this.source } = this.server.connect(client));
    this.destination = destination(props.to, client);
    this._check({}, this.connectedRules());
    serviceAccount(this, accountAnnotations(this.connections));
    configMap(this, 'config-map', this.componentName, this.files());
    const network = new NetworkBoundary(this).allowDns().allowEgress(this.server.egress);
    for (const { egress } of this.connections) network.allowEgress(egress);
    cronJob(this, {
      // The CronJob API requires a schedule. It has no effect, as the CronJob is suspended.
      schedule: '0 0 1 1 *',
      suspend: true,
      // Each retry continues with what the one before it has noted.
      backoffLimit: 6,
      failOnExitCodes: { container: 'artifact-move', codes: [3] },
      pod: () => this.pod(),
    });
  }

  private get connections(): Connection[] {
    return [this.database, this.source, this.destination.connection];
  }

  private rules(): Rule[] {
    const { props, server } = this;
    return [
      inPodRule(
        server.databaseIsInPod,
        'no ArtifactMove: copy the folder as docs/how-to/from-sqlite-to-postgresql.md describes',
      ),
      sameNamespaceRule('the server', props.server.namespace, this.namespace, 'a chart of that namespace'),
      {
        wrong: props.to === server.store,
        given: 'to is the store of the server',
        want: "expected the other store, e.g. new SeaweedStore(chart, 'mlflow-seaweedfs')",
      },
      {
        wrong: server.artifactAccess === ArtifactAccess.DIRECT,
        given: "artifactAccess of the server is 'direct'",
        want: 'expected ArtifactAccess.PROXIED or PRESIGNED: with DIRECT, runs refer to the store by its own address, so a copy would not be read',
      },
      rateRule(props.bytesPerSecond),
      ...resourceRules(rcloneResources(props)),
      imageRule(rcloneImage(props, server.placement)),
    ];
  }

  /** A pod has one ServiceAccount, and this one connects to two stores. */
  private connectedRules(): Rule[] {
    const [mine, others] = [this.source, this.destination.connection].map(
      ({ serviceAccountAnnotations }) => serviceAccountAnnotations ?? {},
    );
    return Object.keys(others)
      .filter((name) => name in mine && mine[name] !== others[name])
      .map((name) => ({
        wrong: true,
        given: `the two stores give the annotation '${name}' of the ServiceAccount different values, '${mine[name]}' and '${others[name]}'`,
        want: 'expected one identity that may read the one and write the other, or a key for one of them: Credentials.fromSecret(…)',
      }));
  }

  private files(): Record<string, string> {
    return withRevisionKey(programs(...FILES));
  }

  private pod(): PodProps {
    const { server } = this;
    const main = mountConnections([this.database]);
    const copier = mountConnections([this.source, this.destination.connection], [], 'rclone-');
    const { placement, sameNodeAs } = server;
    return {
      user: ANY_USER,
      // A ReadWriteOnce volume of the server is mounted on its node only.
      placement: sameNodeAs ? { ...placement, affinity: onTheNodeOf(sameNodeAs) } : placement,
      terminationGracePeriodSeconds: 30,
      initContainers: [this.rclone(copier)],
      containers: [this.main(main)],
      volumes: [
        programVolume(this.componentName, this.files()),
        scratch('work', WORK_SPACE),
        scratch('tmp', Size.mebibytes(64)),
        // A separate volume, because rclone writes its settings there.
        scratch('rclone-tmp', Size.mebibytes(64)),
        ...[main, copier].flatMap(({ volumes }) => volumes),
      ],
    };
  }

  private main(mounted: Mounted): Container {
    const { server } = this;
    return {
      name: 'artifact-move',
      image: server.image,
      command: ['python', `${PROGRAMS}/move_artifacts.py`],
      env: environment({
        ...MLFLOW_PROGRAM,
        WRITES_PAUSED: server.artifactWritesPaused ? 'yes' : 'no',
        ...mounted.environment,
      }),
      resources: renderResources(mergeResources(resources, server.placement.jobResources)),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: [...sharedMounts, { name: 'tmp', mountPath: '/tmp' }, ...mounted.mounts],
    };
  }

  private rclone(mounted: Mounted): Container {
    const { server, props } = this;
    const { bytesPerSecond } = props;
    return sidecar('rclone', rcloneImage(props, server.placement), {
      env: environment({
        HOME: '/tmp',
        STORE_URI: server.artifactsUri,
        DESTINATION_URI: this.destination.uri,
        ...(bytesPerSecond && {
          RCLONE_BWLIMIT: `${kibibytes(bytesPerSecond)}Ki`,
        }),
        ...rcloneEnvironment(mounted.environment),
        ...proxyEnvironment(server),
      }),
      resources: renderResources(rcloneResources(props)),
      volumeMounts: [...sharedMounts, { name: 'rclone-tmp', mountPath: '/tmp' }, ...mounted.mounts],
    });
  }
}

function kibibytes(size: Size): number {
  return size.toKibibytes({ rounding: SizeRoundingBehavior.FLOOR });
}

/** rclone takes 0 as no limit. */
function rateRule(bytesPerSecond?: Size): Rule {
  return {
    wrong:
      bytesPerSecond !== undefined && !(kibibytes(bytesPerSecond) >= 1 && kibibytes(bytesPerSecond) < MOST_KIBIBYTES),
    given: `bytesPerSecond is ${bytesPerSecond?.asString()}`,
    want: 'expected at least 1 KiB and less than 1 PiB, e.g. Size.mebibytes(50)',
  };
}
