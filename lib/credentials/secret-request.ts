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
  /** Where the same values lie too, for programs that run elsewhere. */
  readonly copies?: { readonly namespace: string; readonly name: string }[];
}
