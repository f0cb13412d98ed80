import { Size } from 'cdk8s';
import { Component } from './component';
import { NetworkBoundary } from './network-boundary';
import { ONCE_JOB_SUFFIX, onceJob } from './once-job';
import { PlacementOptions } from './pod-options';
import { PROGRAMS, programVolume, programs, withRevisionKey } from './program';
import { configMap, serviceAccount } from './standard-objects';
import { SecretFiles, SecretVariable } from '../kubernetes/connection';
import { EgressRule } from '../kubernetes/network-peer';
import { environment, mountConnections, scratch } from '../kubernetes/pod';
import { mergeResources, renderResources, smallResources } from '../kubernetes/resources';
import { containerSecurity } from '../kubernetes/security';

export const SET_UP_SUFFIX = `-set-up${ONCE_JOB_SUFFIX}`;

export interface SetUpJobProps {
  readonly image: string;
  readonly user: number;
  readonly placement: PlacementOptions;
  /** File name of the shell script in runtime/. */
  readonly script: string;
  /** Further scripts, which it runs. */
  readonly moreScripts?: string[];
  readonly environment: () => Record<string, string>;
  readonly secretVariables: SecretVariable[];
  readonly secretFiles?: SecretFiles[];
  readonly egress: EgressRule[];
}

/** Runs a component's set-up script, the only place where its root credentials are used. */
export class SetUpJob extends Component {
  constructor(owner: Component, props: SetUpJobProps) {
    super(owner, 'set-up', { role: `${owner._role}-set-up`, longestSuffix: ONCE_JOB_SUFFIX });
    this._image = props.image;
    const name = this.componentName;
    serviceAccount(this);
    const scripts = [props.script, ...(props.moreScripts ?? [])];
    const data = programs(...scripts);
    const files = withRevisionKey(data);
    configMap(this, 'config-map', name, files);
    new NetworkBoundary(this).allowDns().allowEgress(props.egress);
    onceJob(this, 'job', {
      name,
      backoffLimit: 20,
      inputs: () => Object.values(data),
      pod: () => {
        const connection = { environment: props.environment(), secretFiles: props.secretFiles, egress: [] };
        const mounted = mountConnections([connection], props.secretVariables);
        return {
          user: props.user,
          placement: props.placement,
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
          volumes: [programVolume(name, files), scratch('tmp', Size.mebibytes(64)), ...mounted.volumes],
        };
      },
    });
  }
}
