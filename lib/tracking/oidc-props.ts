import { Duration } from 'cdk8s';
import { ContainerResources } from 'cdk8s-plus-27';
import { OidcPermissions } from './oidc-permissions';
import { Credentials } from '../credentials/credentials';
import { EgressRule } from '../kubernetes/network-peer';

/** A further issuer of tokens, e.g. another realm for programs. */
export interface OidcIssuer {
  /** Its URL, as in the claim `iss`: it has `/.well-known/openid-configuration`, open to all. */
  readonly issuer: string;
  /** The claim `aud` that its tokens must have. */
  readonly audience: string;
}

/** Addresses of a provider, as its page `/.well-known/openid-configuration` lists them. */
export interface OidcEndpoints {
  /** Where a browser is sent to log in: `authorization_endpoint`. */
  readonly authorization: string;
  /** Where oauth2-proxy exchanges the code of a login for its token: `token_endpoint`. */
  readonly token: string;
  /** Where the keys are that sign tokens: `jwks_uri`. */
  readonly keys: string;
}

/** Options of `Authentication.oidc()`. */
export interface OidcAuthenticationProps {
  /**
   * URL of the provider, exactly as in its tokens' claim `iss`: `--oidc-issuer-url` of oauth2-proxy.
   * @see https://oauth2-proxy.github.io/oauth2-proxy/configuration/providers/openid_connect
   */
  readonly issuer: string;
  /** Id of the client that you registered at the provider: `--client-id`. Tokens must have it as audience. */
  readonly clientId: string;
  /**
   * The client's secret: an existing Secret with the key `client-secret`, or another one with `{ passwordKey }`. Register
   * `https://<host>/oauth2/callback` as the client's redirect URI.
   */
  readonly credentials: Credentials;
  /**
   * Groups of which a person or a token must have one, as the claim `groupsClaim` has them: names at most providers, object
   * ids at Entra ID.
   * @default - everybody whom the provider lets in, and every token for this client
   */
  readonly groups?: string[];
  /**
   * Domains of which the e-mail address must have one, of a person and of a token. Tokens of programs have no address, so
   * they are refused then: restrict who may come in by `groups` if programs send tokens.
   * @default - all
   */
  readonly emailDomains?: string[];
  /**
   * Claim with the groups: `--oidc-groups-claim`, e.g. `roles` for the app roles of Entra ID.
   * @default 'groups'
   */
  readonly groupsClaim?: string;
  /**
   * Claim that names a person, in the access log and on runs: `--oidc-email-claim`. Without it a person cannot log in; a
   * token is named by its `sub` then.
   * @default 'email'
   */
  readonly emailClaim?: string;
  /**
   * What the login asks the provider for: `--scope`. Many providers have a scope of their own for groups, others refuse one
   * that they do not know.
   * @default ['openid', 'email', 'profile']
   */
  readonly scopes?: string[];
  /**
   * Further audiences of tokens of the same issuer: `--oidc-extra-audience`, e.g. that of an API.
   * @default - only the client's id
   */
  readonly audiences?: string[];
  /**
   * Further issuers of tokens for programs: `--extra-jwt-issuers`. Only together with `groups`, of which their tokens must have
   * one: an audience is no permission, as everybody whom an issuer knows may ask for a token with it.
   * @default - none
   */
  readonly issuers?: OidcIssuer[];
  /**
   * MLflow's own permissions for experiments, models and prompts: each person is a user of MLflow from the first request on. MLflow
   * keeps its users in a second database on the server of the first, which must not be MySQL. Not together with `issuers`, nor
   * with `workspaces` of the server.
   * @default - everybody who is let in has all permissions
   */
  readonly permissions?: OidcPermissions;
  /**
   * How long a person stays logged in: `--cookie-expire`. A person who loses a group keeps access until then.
   * @default Duration.hours(12)
   */
  readonly sessionDuration?: Duration;
  /**
   * Address at which browsers open the platform: scheme https and host.
   * @default - https and the host of `exposure`
   */
  readonly publicUrl?: string;
  /**
   * The provider's `end_session_endpoint`: `/logout` then ends the session at the provider too. Without a query it gets
   * `client_id` and `post_logout_redirect_uri`, which is `https://<host>/oauth2/signed-out`: register that address too.
   * @default - `/logout` ends the session of this platform only
   */
  readonly logoutUrl?: string;
  /**
   * The provider's addresses. With them servers also start while the provider is away: `--skip-oidc-discovery`.
   * @default - read from the issuer at each start of a pod
   */
  readonly endpoints?: OidcEndpoints;
  /**
   * Secret with the certificate authority of the provider: key `ca.crt`, `--provider-ca-file`.
   * @default - the authorities of the image
   */
  readonly authoritySecretName?: string;
  /**
   * Destinations at which the provider is reached, for the server's NetworkPolicy.
   * @default - any address, on the ports of the provider's URLs
   */
  readonly egress?: EgressRule[];
  /**
   * Requests and limits of the container `oauth2-proxy`.
   * @default - requests 50m and 32Mi, limits 1 and 64Mi
   */
  readonly resources?: ContainerResources;
}
