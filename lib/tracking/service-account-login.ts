import { ServiceUserRole } from '../nginx/service-user-role';

/** A ServiceAccount whose pods may log in with their token. */
export interface ServiceAccountLogin {
  /** Namespace of the ServiceAccount and its pods. */
  readonly namespace: string;
  /** Name of the ServiceAccount. */
  readonly name: string;
  /** What its pods may do: the proxy checks method and path of each request. */
  readonly role: ServiceUserRole;
  /**
   * The only workspace in which its tokens are accepted: one of the server's prop `workspaces`, or `default`. Requests with the
   * name of another workspace, or without one, get 403.
   * @default - all workspaces of the server
   */
  readonly workspace?: string;
}
