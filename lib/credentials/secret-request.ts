/** How the credentials Job makes one value of a Secret (runtime/credentials/plan.ts reads it). */
export type PlannedKey =
  | { readonly value: string }
  | { readonly generate: 'password' | 'access-key' | 'fernet' | 'token' }
  | { readonly generate: 'htpasswd'; readonly username: string; readonly password: string };

/** A Secret that some component needs. */
export interface SecretRequest {
  readonly name: string;
  readonly keys: Record<string, PlannedKey>;
  /** Keys that an existing Secret may lack. */
  readonly optional?: string[];
}

/** The users of one server's programs: see PlannedLogins in runtime/credentials/plan.ts. */
export interface UsersRequest {
  /** Of the names of the users' Secrets. */
  readonly prefix: string;
  /** Name of the Secret that the server mounts. */
  readonly file: string;
  readonly form: 'htpasswd' | 'password';
  /** Of each `<role>.<user>`: the copies of its Secret, as `namespace/name`. */
  readonly users: Map<string, string[]>;
}
