// Everything that the program says about a Deployment, to logs and as Kubernetes Events.
import type { SeenDeployment } from './deployment';
import type { Failed, State, Version } from './state';
import type { DeployerTarget } from './targets';

/** Said once, when it becomes so; `warn` becomes an Event too. */
export interface Notice {
  /** The same code and version is the same notice. */
  readonly code: string;
  readonly level: 'info' | 'warn';
  readonly text: string;
}

/** Said when something was done; always an Event. */
export interface News {
  readonly outcome: 'started' | 'succeeded' | 'failed' | 'returned' | 'restored' | 'stuck';
  readonly event: EventText;
}

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** One word for machines. */
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

type Target = DeployerTarget;

/** `alias "champion" of "churn"`. */
const followed = ({ model, alias, stage }: Target) =>
  `${alias === undefined ? `stage ${JSON.stringify(stage)}` : `alias ${JSON.stringify(alias)}`} of ${JSON.stringify(model)}`;

const keeps = (version: Version) => `version ${version.version} keeps serving`;

const info = (code: string, text: string): Notice => ({ code, level: 'info', text });
const warn = (code: string, text: string): Notice => ({ code, level: 'warn', text });

export const notices = {
  unknown: () => info('Unknown', 'the registry or the API server does not answer; nothing is changed'),
  absent: (t: Target) => info('NoDeployment', `Deployment ${t.deployment} does not exist`),
  handsOff: (t: Target, { off, why }: NonNullable<SeenDeployment['hands']>) =>
    (off === 'shapeless' ? warn : info)(`HandsOff-${off}`, `Deployment ${t.deployment} is not changed: ${why}`),
  emptied: (t: Target) => warn('VersionRemoved', `MODEL_VERSION was removed from Deployment ${t.deployment}`),
  wantedGone: (t: Target, { version }: Version) =>
    info(`WantedGone-${version}`, `${followed(t)} is version ${version}, which does not exist`),
  notReady: (t: Target, { version }: Version, status: string) =>
    info(`NotReady-${version}`, `version ${version} of ${t.model} is ${status}, not READY; waiting for it`),
  failedBefore: (t: Target, failed: Failed, againMs: number, good?: Version) =>
    info(
      `FailedBefore-${failed.version}`,
      `version ${failed.version}, ${followed(t)}, failed (${failed.reason}) and is ` +
        (againMs === Infinity || !good
          ? `not tried again until ${t.alias === undefined ? 'the stage' : 'the alias'} moves`
          : `tried again ${againMs / 60_000} min after that, as what its pods waited for may pass`) +
        (good ? `; ${keeps(good)}` : ''),
    ),
  failed: (_: Target, state: State) =>
    info(
      `Failed-${state.version}`,
      `version ${state.version} did not become ready, and no earlier version can be restored`,
    ),
  noPods: (t: Target, state: State) =>
    info('NoPods', `version ${state.version} is set; Deployment ${t.deployment} is scaled to 0, so nothing is proven`),
  untried: (t: Target, state: State, refused: string) =>
    warn(
      `NoPodMade-${state.version}`,
      `no pod of version ${state.version} of ${t.model} can be created (${refused}), so nothing is known of it; waiting for it`,
    ),
  rolling: (_: Target, state: State) =>
    info(`Rolling-${state.version}`, `version ${state.version} is being rolled out since ${state.since}`),
  serving: (t: Target, { version }: Version) =>
    info(`Serving-${version}`, `version ${version}, ${followed(t)}, serves`),
  waiting: (t: Target, is: 'unregistered' | 'unset') =>
    info(
      `Waiting-${is}`,
      is === 'unset'
        ? `no version yet: ${followed(t)} is not set`
        : `no version yet: model ${JSON.stringify(t.model)} is not registered`,
    ),
  versionGone: (t: Target, version: Version) =>
    warn(
      `VersionGone-${version.version}`,
      `version ${version.version} of ${JSON.stringify(t.model)} was deleted from the registry; its pods keep ` +
        `serving, but a new pod cannot download it: set ${followed(t)} to another version`,
    ),
  lost: (t: Target, is: 'unregistered' | 'unset', version: Version) =>
    warn(
      `AliasMissing-${is}`,
      is === 'unset'
        ? `${followed(t)} is no longer set; ${keeps(version)}`
        : `model ${JSON.stringify(t.model)} is no longer registered; ${keeps(version)}`,
    ),
};

const event = (type: EventText['type'], reason: string, action: string, note: string): EventText => ({
  ...{ type, reason, action, note },
});

export const news = {
  started: (t: Target, { version }: Version, before?: Version): News => {
    const place = before ? ` in place of ${before.version}` : '';
    const note = `${followed(t)} is version ${version}: rolling it out${place}`;
    return { outcome: 'started', event: event('Normal', 'ModelVersionSet', 'Rollout', note) };
  },
  succeeded: (t: Target, { version }: Version, missing?: string): News => {
    const note = `version ${version}, ${followed(t)}, serves${missing ? `, but not on every replica: ${missing}` : ''}`;
    return {
      outcome: 'succeeded',
      event: event(missing ? 'Warning' : 'Normal', 'ModelVersionServing', 'Rollout', note),
    };
  },
  failed: (t: Target, { version, reason }: Version & { readonly reason: string }, good?: Version): News => {
    const next = good ? `rolling back to version ${good.version}` : 'no version to roll back to';
    const note = `version ${version}, ${followed(t)}, failed: ${reason}; ${next}`;
    return { outcome: 'failed', event: event('Warning', 'ModelVersionFailed', 'Rollout', note) };
  },
  returned: (_: Target, { version }: Version, missing?: string): News => {
    const note = `version ${version} serves again${missing ? `, but not on every replica: ${missing}` : ' on every replica'}`;
    return {
      outcome: 'returned',
      event: event(missing ? 'Warning' : 'Normal', 'ModelVersionReturned', 'Return', note),
    };
  },
  restored: (_: Target, { version }: Version): News => {
    const note = `the version was changed by another client; set back to ${version}, as the registry says`;
    return { outcome: 'restored', event: event('Warning', 'ModelVersionRestored', 'Restore', note) };
  },
  adopted: (_: Target, { version }: Version): News => {
    const note = `version ${version} was set by hand while no version worked; watching its rollout`;
    return { outcome: 'started', event: event('Warning', 'ModelVersionAdopted', 'Rollout', note) };
  },
  stuck: (_: Target, { version }: Version, reason: string): News => {
    const note = `version ${version}, which served before, does not become fully ready: ${reason}`;
    return { outcome: 'stuck', event: event('Warning', 'ModelVersionStuck', 'Return', note) };
  },
};
