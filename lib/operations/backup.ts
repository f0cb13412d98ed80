import { Construct } from 'constructs';
import { BackupPod } from './backup-pod';
import { BackupProps } from './backup-props';
import { pushgatewayRules } from './pushgateway';
import { rcloneImage, rcloneResources } from './rclone-container';
import { Restore } from './restore';
import { DRILL_SCHEDULE, RestoreDrill } from './restore-drill';
import { Component } from '../component/component';
import { cronJob } from '../component/cron-job';
import { checkInputs } from '../inputs/inputs';
import { scheduleRule, timeZoneRule } from '../kubernetes/cron-rules';
import { setMetadata } from '../kubernetes/manifest';
import { isDataKey } from '../kubernetes/metadata-rules';
import { resourceRules, sizeRule } from '../kubernetes/resources';
import { Rule, imageRule, objectNameRule, sameNamespaceRule, shownRule, wholeRule } from '../kubernetes/rules';
import { mysqlRule } from '../tracking/migration-in-pod';
import { OperatedServer } from '../tracking/operated-server';

/** Kubernetes adds 11 characters to the name of a CronJob. */
const LONGEST_SUFFIX = '-restore-drill-00000000000';

/**
 * Backs up the databases and the artifact store of a tracking server, on a schedule: the CronJob `<name>`. You start a
 * restore from the CronJob `<name>-restore`, which is suspended. `<name>-restore-drill` restores the newest backup each week
 * to prove it. In a platform those two are `<platform>-restore` and `<platform>-restore-drill`.
 *
 * Objects, by the ids for `apiObject()`: `cron-job`, `config-map`, `service-account`, `network-policy`; of the restore
 * `restore/cron-job`, `restore/config-map`, `restore/service-account`, `restore/network-policy`, `restore/role`,
 * `restore/role-binding`; of the drill `restore-drill/cron-job`, `restore-drill/config-map`,
 * `restore-drill/service-account`, `restore-drill/network-policy`.
 */
export class Backup extends Component {
  /**
   * @param scope the chart, or a construct in a chart, that contains it. It must be in the namespace of the server
   * @param id names the resources: a DNS label
   * @param props the server, the schedule and the target
   */
  constructor(scope: Construct, id: string, props: BackupProps) {
    super(scope, id, { role: 'backup', longestSuffix: LONGEST_SUFFIX });
    checkInputs('new Backup', { scope, id, props }, this);
    const server = props.server._operated();
    this._check({}, this.rules(props, server));
    setMetadata(this, server.placement);
    const pod = new BackupPod(this, {
      ...{ backup: props, server, name: 'backup', files: ['backup.py'] },
      environment: { MLFLOW_IMAGE: server.image, ...retention(props), ...workspaces(server) },
      pushgateway: props.pushgateway,
    });
    cronJob(this, {
      schedule: props.schedule,
      timeZone: props.timeZone ?? 'Etc/UTC',
      backoffLimit: 2,
      // Exit code 3, e.g. after a wrong encryption password, is not retried.
      failOnExitCodes: { container: 'backup', codes: [3] },
      pod: () => pod.render(),
    });
    // In a platform they are `mlflow-restore` and `mlflow-restore-drill`: short, because people type them.
    const stem = id === 'backup' ? this.instanceName : this.componentName;
    new Restore(this, stem, props, server);
    new RestoreDrill(this, stem, props, server);
  }

  private rules(props: BackupProps, { placement, databaseIsMysql }: OperatedServer): Rule[] {
    const { retention: kept = {}, encryption, drill = {}, dumpSpace } = props;
    const { daily, weekly, monthly } = kept;
    return [
      mysqlRule(databaseIsMysql, 'no backup: back up the database with the tools of your server'),
      sameNamespaceRule('the server', props.server.namespace, this.namespace, 'a chart of that namespace'),
      scheduleRule('schedule', props.schedule),
      ...(props.timeZone === undefined ? [] : [timeZoneRule(props.timeZone)]),
      ...props.target._rules(),
      wholeRule('retention.daily', daily, 0),
      wholeRule('retention.weekly', weekly, 0),
      wholeRule('retention.monthly', monthly, 0),
      {
        wrong: kept.keepAll === true && (daily ?? weekly ?? monthly) !== undefined,
        given: 'retention has keepAll and numbers',
        want: 'expected one of the two: { keepAll: true }, or e.g. { daily: 7, weekly: 4, monthly: 12 }',
      },
      ...(encryption === undefined
        ? []
        : [
            objectNameRule('encryption.secretName', encryption.secretName, 'backup-key'),
            shownRule(
              !isDataKey(encryption.key ?? 'password'),
              'encryption.key',
              encryption.key,
              "the name of a key of the Secret, e.g. 'password'",
            ),
          ]),
      ...(dumpSpace === undefined ? [] : [sizeRule('dumpSpace', dumpSpace)]),
      ...resourceRules(rcloneResources(props)),
      imageRule(rcloneImage(props, placement)),
      ...pushgatewayRules(props.pushgateway),
      scheduleRule('drill.schedule', drill.schedule ?? DRILL_SCHEDULE),
      ...(drill.databaseSpace === undefined ? [] : [sizeRule('drill.databaseSpace', drill.databaseSpace)]),
      wholeRule('drill.sampleCount', drill.sampleCount, 0),
    ];
  }
}

function workspaces({ workspaces: declared }: OperatedServer): Record<string, string> {
  return declared ? { WORKSPACES: declared.map(({ name }) => name).join(' ') } : {};
}

function retention({
  retention: { keepAll, daily = 7, weekly = 4, monthly = 12 } = {},
}: BackupProps): Record<string, string> {
  if (keepAll) return { KEEP_ALL: 'yes' };
  return { DAILY: String(daily), WEEKLY: String(weekly), MONTHLY: String(monthly) };
}
