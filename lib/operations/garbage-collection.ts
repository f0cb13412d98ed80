import { Duration, Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { GarbageCollectionProps } from './garbage-collection-props';
import { pushgatewayEgress, pushgatewayRules, pushgatewayVariables } from './pushgateway';
import { Component } from '../component/component';
import { cronJob } from '../component/cron-job';
import { NetworkBoundary } from '../component/network-boundary';
import { PodProps } from '../component/pod-template';
import { MLFLOW_PROGRAM, PROGRAMS, programVolume, programs, withRevisionKey } from '../component/program';
import { onTheNodeOf } from '../component/spread-and-affinity';
import { configMap, serviceAccount } from '../component/standard-objects';
import { checkInputs } from '../inputs/inputs';
import { withAuthority } from '../kubernetes/certificate-authority';
import { Connection } from '../kubernetes/connection';
import { scheduleRule, timeZoneRule } from '../kubernetes/cron-rules';
import { durationRule, seconds } from '../kubernetes/durations';
import { setMetadata } from '../kubernetes/manifest';
import { accountAnnotations, environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources } from '../kubernetes/resources';
import { Rule, sameNamespaceRule } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { mysqlRule } from '../tracking/migration-in-pod';
import { OperatedServer } from '../tracking/operated-server';

/** The program, and the modules that it imports. */
const FILES = [
  ...['secret_files.py', 'mounted.py', 'schema.py', 'table_locks.py', 'dumps.py', 'migrate.py', 'operation_lock.py'],
  ...[
    'sqlite_files.py',
    'sqlite_operations.py',
    'required.py',
    'sidecars.py',
    'backups.py',
    'push_figures.py',
    'collect_garbage.py',
  ],
];
/** Kubernetes adds 11 characters to the name of a CronJob. */
const LONGEST_SUFFIX = '-00000000000';
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const resources: ContainerResources = {
  cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(512), limit: Size.gibibytes(2) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
};

/**
 * Permanently removes the runs, logged models and experiments that users deleted in MLflow, with their artifacts, on a
 * schedule: the CronJob `<name>`. It keeps the runs and logged models from which a version in the model registry was
 * created, and waits while a backup or a restore runs.
 *
 * Objects, by the ids for `apiObject()`: `cron-job`, `config-map`, `service-account`, `network-policy`.
 *
 * @see https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-gc
 */
export class GarbageCollection extends Component {
  /**
   * @param scope the chart, or a construct in a chart, that contains it. It must be in the namespace of the server
   * @param id names the resources: a DNS label
   * @param props the server, the schedule and the ages
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: GarbageCollectionProps,
  ) {
    super(scope, id, { role: 'garbage-collection', longestSuffix: LONGEST_SUFFIX });
    checkInputs('new GarbageCollection', { scope, id, props }, this);
    const server = props.server._operated();
    this._check({}, this.rules(server));
    setMetadata(this, server.placement);
    const client = {
      name: this.node.path,
      podLabels: this.podSelector,
      namespace: this.namespace,
      // The connections that the database reserves are enough, because only one operation runs at a time.
      maxConnections: 0,
    };
    const { database, artifacts } = server.connect(client);
    const connections = [database, artifacts];
    serviceAccount(this, accountAnnotations(connections));
    const files = withRevisionKey(programs(...FILES));
    configMap(this, 'config-map', this.componentName, files);
    const network = new NetworkBoundary(this).allowDns().allowEgress(server.egress);
    for (const { egress } of connections) network.allowEgress(egress);
    network.allowEgress(pushgatewayEgress(props.pushgateway));
    cronJob(this, {
      schedule: props.schedule,
      timeZone: props.timeZone ?? 'Etc/UTC',
      // One retry is enough: the next run tries again what failed.
      backoffLimit: 1,
      failOnExitCodes: { container: 'garbage-collection', codes: [3] },
      pod: () => this.pod(server, connections, files),
    });
  }

  private rules({ databaseIsMysql }: OperatedServer): Rule[] {
    const { props } = this;
    const { archiveTracesOlderThan: archived, tracesOlderThan: removed } = props;
    return [
      mysqlRule(databaseIsMysql, 'no garbageCollection: run `mlflow gc` as docs/how-to/mysql.md describes'),
      sameNamespaceRule('the server', props.server.namespace, this.namespace, 'a chart of that namespace'),
      scheduleRule('schedule', props.schedule),
      ...(props.timeZone === undefined ? [] : [timeZoneRule(props.timeZone)]),
      durationRule('olderThan', props.olderThan, HOUR_SECONDS),
      durationRule('tracesOlderThan', props.tracesOlderThan, DAY_SECONDS),
      durationRule('archiveTracesOlderThan', props.archiveTracesOlderThan, DAY_SECONDS),
      ...pushgatewayRules(props.pushgateway),
      {
        wrong: archived !== undefined && removed !== undefined && seconds(archived) >= seconds(removed),
        given: 'archiveTracesOlderThan is not less than tracesOlderThan',
        want: 'expected that traces are archived before they are removed, e.g. after 30 and 365 days',
      },
    ];
  }

  private pod(server: OperatedServer, connections: Connection[], files: Record<string, string>): PodProps {
    const { placement, sameNodeAs } = server;
    const mounted = withAuthority(mountConnections(connections), placement.authority);
    return {
      user: ANY_USER,
      placement: sameNodeAs ? { ...placement, affinity: onTheNodeOf(sameNodeAs) } : placement,
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'garbage-collection',
          image: server.image,
          command: ['python', `${PROGRAMS}/collect_garbage.py`],
          env: environment({
            ...server.environment,
            ...MLFLOW_PROGRAM,
            ARTIFACTS_ROOT: `${server.artifactsUri}/artifacts`,
            ...this.ages(),
            DRY_RUN: this.props.dryRun ? 'yes' : 'no',
            ...mounted.environment,
          }).concat(pushgatewayVariables(this.componentName, this.props.pushgateway)),
          resources: renderResources(mergeResources(resources, placement.jobResources)),
          securityContext: containerSecurity(ANY_USER),
          volumeMounts: [
            { name: 'program', mountPath: PROGRAMS, readOnly: true },
            { name: 'tmp', mountPath: '/tmp' },
            ...mounted.mounts,
          ],
        },
      ],
      volumes: [programVolume(this.componentName, files), scratch('tmp', Size.mebibytes(128)), ...mounted.volumes],
    };
  }

  private ages(): Record<string, string> {
    const { olderThan = Duration.days(30), tracesOlderThan, archiveTracesOlderThan } = this.props;
    return {
      OLDER_THAN_SECONDS: String(seconds(olderThan)),
      ...(tracesOlderThan && { TRACES_OLDER_THAN_SECONDS: String(seconds(tracesOlderThan)) }),
      ...(archiveTracesOlderThan && {
        ARCHIVE_TRACES_OLDER_THAN_SECONDS: String(seconds(archiveTracesOlderThan)),
      }),
    };
  }
}
