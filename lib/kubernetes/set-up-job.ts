import { Size } from 'cdk8s';
import { configMap, serviceAccount } from './common-objects';
import { Component } from './component';
import { EgressRule, SecretFiles, SecretVariable } from './connection';
import { NetworkBoundary } from './network-boundary';
import { ONCE_JOB_SUFFIX, onceJob } from './once-job';
import { environment, mountConnections, podTemplate, scratch } from './pod';
import { PlacementOptions } from './pod-options';
import { PROGRAMS, programs } from './program';
import { mergeResources, renderResources, smallResources } from './resources';
import { containerSecurity } from './security';

export const SET_UP_SUFFIX = `-set-up${ONCE_JOB_SUFFIX}`;

export interface SetUpJobProps {
  readonly image: string;
  readonly user: number;
  readonly placement: PlacementOptions;
  /** File name of the shell script in runtime/. */
  readonly script: string;
  readonly environment: () => Record<string, string>;
  readonly secretVariables: SecretVariable[];
  readonly secretFiles?: SecretFiles[];
  readonly egress: EgressRule[];
}

/** Runs a component's set-up script, the only place where its root credentials are used. */
export class SetUpJob extends Component {
  constructor(owner: Component, props: SetUpJobProps) {
    super(owner, 'set-up', `${owner.podSelector['app.kubernetes.io/component']}-set-up`, ONCE_JOB_SUFFIX);
    const name = this.componentName;
    serviceAccount(this, 'service-account', name);
    configMap(this, 'config-map', name, programs(props.script));
    new NetworkBoundary(this, 'network-policy', name, this.podSelector).allowDns().allowEgress(props.egress);
    onceJob(this, 'job', {
      name,
      backoffLimit: 20,
      inputs: () => Object.values(programs(props.script)),
      template: () => {
        const connection = { environment: props.environment(), secretFiles: props.secretFiles, egress: [] };
        const mounted = mountConnections([connection], props.secretVariables);
        return podTemplate({
          labels: this.labels,
          serviceAccountName: name,
          user: props.user,
          placement: props.placement,
          restartPolicy: 'Never',
          containers: [
            {
              name: 'set-up',
              image: props.image,
              command: ['sh', `${PROGRAMS}/${props.script}`],
              env: environment({ HOME: '/tmp', ...mounted.environment }),
              resources: renderResources(mergeResources(smallResources, props.placement.jobResources)),
              securityContext: containerSecurity(props.user),
              volumeMounts: [
                { name: 'program', mountPath: PROGRAMS, readOnly: true },
                { name: 'tmp', mountPath: '/tmp' },
                ...mounted.mounts,
              ],
            },
          ],
          volumes: [{ name: 'program', configMap: { name } }, scratch('tmp', Size.mebibytes(64)), ...mounted.volumes],
        });
      },
    });
  }
}
