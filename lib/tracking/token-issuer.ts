import { checkInputs } from '../inputs/inputs';
import { EgressRule } from '../kubernetes/network-peer';

/** How the servers reach an issuer that is not public. */
export interface TokenIssuerOptions {
  /**
   * Secret with the certificate authority of the issuer: key `ca.crt`.
   * @default - the authorities of the image
   */
  readonly authoritySecretName?: string;
  /**
   * Destinations at which the keys are read, for the server's NetworkPolicy.
   * @default - any address, on the port of `keysUrl`
   */
  readonly egress?: EgressRule[];
}

/** An issuer of tokens, by its addresses. */
export interface TokenIssuerProps extends TokenIssuerOptions {
  /** Its URL, exactly as in the claim `iss` of its tokens. */
  readonly issuer: string;
  /** Where the keys are that sign its tokens, without a login: `jwks_uri` of its page `/.well-known/openid-configuration`. */
  readonly keysUrl: string;
}

/** A CI system or another service that signs tokens (JWTs), for `server.addTokenLogin()`. */
export class TokenIssuer {
  /**
   * GitHub Actions: a workflow with `permissions: { id-token: write }` asks for a token.
   *
   * @see https://docs.github.com/en/actions/concepts/security/openid-connect
   */
  public static gitHubActions(): TokenIssuer {
    const issuer = 'https://token.actions.githubusercontent.com';
    const identifying = ['sub', 'repository', 'repository_id', 'repository_owner', 'repository_owner_id'];
    return new TokenIssuer({ issuer, keysUrl: `${issuer}/.well-known/jwks` }, identifying);
  }

  /**
   * GitLab: a job with `id_tokens` has a token.
   *
   * @param issuer URL of the instance, e.g. 'https://gitlab.com', without a slash at its end
   * @param options how the servers reach it
   * @see https://docs.gitlab.com/ci/secrets/id_token_authentication/
   */
  public static gitLab(issuer: string, options: TokenIssuerOptions = {}): TokenIssuer {
    checkInputs('TokenIssuer.gitLab', { issuer, options });
    const identifying = [
      'sub',
      'project_path',
      'project_id',
      'namespace_path',
      'namespace_id',
      'user_id',
      'user_login',
    ];
    return new TokenIssuer({ ...options, issuer, keysUrl: `${issuer}/oauth/discovery/keys` }, identifying);
  }

  /**
   * Another issuer.
   *
   * @param props its addresses
   */
  public static fromUrl(props: TokenIssuerProps): TokenIssuer {
    checkInputs('TokenIssuer.fromUrl', { props });
    return new TokenIssuer(props);
  }

  private constructor(
    /** @internal */ public readonly _props: TokenIssuerProps,
    /** Claims of which a login needs one, as every customer of a public issuer has tokens of it. @internal */
    public readonly _identifying?: string[],
  ) {}
}
