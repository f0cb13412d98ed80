import type { PlannedKey, PlannedLogins, PlannedSecret } from '../../runtime/credentials/plan';

export type { PlannedKey };

/** A Secret that a component needs, in the form of the credentials Job, without the fields that all Secrets have. */
export type SecretRequest = Pick<PlannedSecret, 'name' | 'keys' | 'optional'>;

/** The users of one server, in the form of the credentials Job. Users are added until synth. */
export type UsersRequest = Pick<PlannedLogins, 'prefix' | 'file' | 'form'> & {
  /** Of each `<role>.<user>`: the copies of its Secret, as `namespace/name`. */
  readonly users: Map<string, string[]>;
};
