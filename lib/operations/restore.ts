import { BackupPod } from './backup-pod';
import { BackupProps } from './backup-props';
import { grantAccess } from '../component/access-grant';
import { Component } from '../component/component';
import { cronJob } from '../component/cron-job';
import { OperatedServer } from '../tracking/operated-server';

/** The CronJob from which a user starts a restore. It is suspended, so Kubernetes never starts it. @internal */
export class Restore extends Component {
  constructor(scope: Component, stem: string, backup: BackupProps, server: OperatedServer) {
    super(scope, 'restore', { role: 'restore', longestSuffix: '', name: `${stem}-restore` });
    const deployment = backup.server.componentName;
    const pod = new BackupPod(this, {
      ...{ backup, server, name: 'restore', files: ['restore.py', 'deployment_scale.py'] },
      migrates: true,
      apiAccess: true,
      environment: { SERVER_DEPLOYMENT: deployment, SERVER_REPLICAS: String(server.leastPods) },
    });
    grantAccess(this, '', {
      name: this.componentName,
      rules: [
        { apiGroups: ['apps'], resources: ['deployments/scale'], resourceNames: [deployment], verbs: ['get', 'patch'] },
      ],
      account: { name: this.componentName, namespace: this.namespace },
    });
    cronJob(this, {
      // The CronJob API requires a schedule. It has no effect, as the CronJob is suspended.
      schedule: '0 0 1 1 *',
      suspend: true,
      // A person decides what to do after a failure.
      backoffLimit: 0,
      pod: () => pod.render(),
    });
  }
}
