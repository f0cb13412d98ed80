/** What a person may do with experiments, models and prompts for which MLflow has no permission of theirs. */
export enum DefaultPermission {
  /** Nothing: a person sees only what is their own, or what another person has given them. */
  NO_PERMISSIONS = 'NO_PERMISSIONS',
  /** Read. */
  READ = 'READ',
  /** Read and change. */
  EDIT = 'EDIT',
  /** Read, change, delete, and decide who else may. */
  MANAGE = 'MANAGE',
}

/** MLflow's permissions for the people of `Authentication.oidc()`. */
export interface OidcPermissions {
  /**
   * Groups of which a person must have one to be an administrator of MLflow, as the claim `groupsClaim` has them. Its members
   * may come in without one of `groups`. A changed membership takes effect with the next login.
   */
  readonly adminGroups: string[];
  /**
   * What MLflow lets people do without a permission of their own: `default_permission` of MLflow's `basic_auth.ini`.
   * @default DefaultPermission.READ
   * @see https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/
   */
  readonly defaultPermission?: DefaultPermission;
  /**
   * Name of MLflow's second database, for its users. An existing database must have it already.
   * @default 'mlflow_auth'
   */
  readonly databaseName?: string;
}
