import type { PlannedKey, PlannedLogins, PlannedSecret } from '../../runtime/credentials/plan';

export type { PlannedKey };

/** A Secret that some component needs, as the credentials Job is told it, but for what all Secrets have. */
export type SecretRequest = Pick<PlannedSecret, 'name' | 'keys' | 'optional'>;

/** The users of one server, as the credentials Job is told them. More are added until synth. */
export type UsersRequest = Pick<PlannedLogins, 'prefix' | 'file' | 'form'> & {
  /** Of each `<role>.<user>`: the copies of its Secret, as `namespace/name`. */
  readonly users: Map<string, string[]>;
};
