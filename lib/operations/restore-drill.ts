import { BackupPod } from './backup-pod';
import { BackupProps } from './backup-props';
import { Component } from '../component/component';
import { cronJob } from '../component/cron-job';
import { defaultSpace } from '../component/pod-options';
import { OperatedServer } from '../tracking/operated-server';

export const DRILL_SCHEDULE = '0 6 * * 0';

/** Checks the newest backup: restores it into a PostgreSQL in its own pod. @internal */
export class RestoreDrill extends Component {
  constructor(scope: Component, stem: string, backup: BackupProps, server: OperatedServer) {
    super(scope, 'restore-drill', { role: 'restore-drill', longestSuffix: '', name: `${stem}-restore-drill` });
    const { schedule, suspend, databaseSpace, sampleCount } = backup.drill ?? {};
    const pod = new BackupPod(this, {
      ...{ backup, server, name: 'drill', files: ['restore_drill.py', 'restore.py', 'deployment_scale.py'] },
      isDrill: true,
      drillSpace: server.databaseIsInPod ? undefined : (databaseSpace ?? defaultSpace(40, server.placement)),
      environment: { SAMPLE: String(sampleCount ?? 100) },
    });
    cronJob(this, {
      schedule: schedule ?? DRILL_SCHEDULE,
      timeZone: backup.timeZone ?? 'Etc/UTC',
      suspend,
      backoffLimit: 1,
      failOnExitCodes: { container: 'drill', codes: [3] },
      pod: () => pod.render(),
    });
  }
}
