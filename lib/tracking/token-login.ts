import { TokenIssuer } from './token-issuer';
import { ServiceUserRole } from '../nginx/service-user-role';

/** A program whose tokens are signed outside the cluster, e.g. the pipelines of one repository. */
export interface TokenLogin {
  /** Its name in the access log and on runs: at most 58 lower-case letters, digits and '-', as that of a service user. */
  readonly name: string;
  /** Who signs its tokens. */
  readonly issuer: TokenIssuer;
  /**
   * Claims that its tokens have, each with exactly this text, e.g. `{ repository: 'org/churn', ref: 'refs/heads/main' }`. A token with a
   * list, or with other letters in capitals, is refused. An audience is no permission, so at least one claim.
   */
  readonly claims: { [claim: string]: string };
  /** What it may do: the proxy checks method and path of each request. */
  readonly role: ServiceUserRole;
  /**
   * Claim `aud` of its tokens.
   * @default - `tokenAudience` of the server
   */
  readonly audience?: string;
}
