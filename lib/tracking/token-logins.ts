import { Authentication } from './authentication';
import { httpsUrl } from './oidc-rules';
import { LONGEST_SERVICE_USER } from './service-user';
import { TokenIssuerProps } from './token-issuer';
import { TokenLogin } from './token-login';
import { Component } from '../component/component';
import { egressRules } from '../kubernetes/network-peer';
import { Rule, check, objectNameRule, shownRule } from '../kubernetes/rules';
import { CLAIM_NAME, CLAIM_VALUE } from '../nginx/issuer-tokens';

/** Each issuer and audience has a sidecar. */
export const MOST_ISSUERS = 4;

/** What oauth2-proxy takes for something else than a claim of the token. */
const NO_CLAIMS = ['access_token', 'created_at', 'email', 'expires_on', 'groups', 'id_token', 'refresh_token', 'user'];

/** One sidecar: the issuer, its audience, and the logins in the order in which they were added. */
export interface TokenVerifier {
  readonly issuer: TokenIssuerProps;
  readonly audience: string;
  readonly logins: TokenLogin[];
}

/** The logins of a server by tokens of issuers outside the cluster. */
export class TokenLogins {
  public readonly verifiers: TokenVerifier[] = [];

  constructor(
    private readonly server: Component,
    private readonly authentication: Authentication,
    private readonly defaultAudience: () => string,
  ) {}

  public get names(): string[] {
    return this.verifiers.flatMap(({ logins }) => logins.map(({ name }) => name));
  }

  /** @returns the verifier, if the login is the first one of it */
  public add(login: TokenLogin, taken: readonly string[]): TokenVerifier | undefined {
    const {
      issuer: { _props: issuer },
      audience = this.defaultAudience(),
    } = login;
    const known = this.verifiers.find((each) => each.issuer.issuer === issuer.issuer && each.audience === audience);
    check(this.server, [
      ...this.loginRules(issuer.issuer, audience),
      ...this.rules(login, [...taken, ...this.names]),
      ...(known ? orderRules(login, known) : []),
      {
        wrong: !known && this.verifiers.length === MOST_ISSUERS,
        given: `'${issuer.issuer}' with the audience '${audience}' is a further issuer`,
        want: `expected at most ${MOST_ISSUERS} issuers and audiences: each needs a sidecar in every server`,
      },
      {
        wrong: known !== undefined && JSON.stringify(known.issuer) !== JSON.stringify(issuer),
        given: `the issuer '${issuer.issuer}' has other options than before`,
        want: 'expected the same keysUrl, authoritySecretName and egress in each login of it',
      },
    ]);
    if (known) {
      known.logins.push(login);
      return undefined;
    }
    const verifier = { issuer, audience, logins: [login] };
    this.verifiers.push(verifier);
    return verifier;
  }

  private loginRules(issuer: string, audience: string): Rule[] {
    const { _kind: kind, _oidc: oidc } = this.authentication;
    const ofPeople = [
      ...(oidc
        ? [oidc.clientId, ...(oidc.audiences ?? [])].map((each) => ({ issuer: oidc.issuer, audience: each }))
        : []),
      ...(oidc?.issuers ?? []),
    ];
    return [
      {
        wrong: kind === 'mlflow' || kind === 'none',
        given: `the authentication is Authentication.${kind}()`,
        want:
          'expected Authentication.basic() or Authentication.oidc() for logins by token: ' +
          (kind === 'mlflow' ? "MLflow's own login knows passwords only" : 'Authentication.none() checks no login'),
      },
      {
        wrong: ofPeople.some((each) => each.issuer === issuer && each.audience === audience),
        given: `Authentication.oidc() takes tokens of '${issuer}' with the audience '${audience}' too`,
        want: 'expected another audience: the claims of the login would refuse the tokens of all others',
      },
    ];
  }

  private rules({ name, issuer, claims, audience }: TokenLogin, taken: readonly string[]): Rule[] {
    const { issuer: url, keysUrl, authoritySecretName, egress } = issuer._props;
    const { _identifying: identifying } = issuer;
    const names = Object.keys(claims);
    const address = "a URL with the scheme https, as the issuer's page .well-known/openid-configuration has it";
    return [
      {
        wrong: !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > LONGEST_SERVICE_USER,
        given: `name is '${name}'`,
        want: `expected at most ${LONGEST_SERVICE_USER} lower-case letters, digits and '-', e.g. 'train-pipeline'`,
      },
      {
        wrong: taken.includes(name),
        given: `the login '${name}' exists already`,
        want: 'expected a name of its own for each login: the access log and runs name it',
      },
      {
        wrong: names.length === 0,
        given: 'claims is {}',
        want: "expected at least one, e.g. { repository: 'org/churn' }",
      },
      ...names.map((each) =>
        shownRule(
          !CLAIM_NAME.test(each) || NO_CLAIMS.includes(each),
          'a name in claims',
          each,
          `the name of a claim, e.g. 'repository', and none of ${NO_CLAIMS.join(', ')}, of which OAuth2 Proxy tells other things`,
        ),
      ),
      ...names.map((each) =>
        shownRule(
          !CLAIM_VALUE.test(claims[each]),
          `claims.${each}`,
          claims[each],
          "text without spaces, commas, quotes, '\\', '$', ';' and braces, e.g. 'org/churn'",
        ),
      ),
      {
        wrong: identifying !== undefined && names.length > 0 && !names.some((each) => identifying.includes(each)),
        given: `claims has only ${names.join(', ')}`,
        want: `expected one of ${identifying?.join(', ')} too: all customers of '${url}' have tokens of it`,
      },
      shownRule(!httpsUrl(url), 'issuer', url, `${address}, e.g. 'https://token.actions.githubusercontent.com'`),
      shownRule(!httpsUrl(keysUrl), 'keysUrl', keysUrl, `${address}: its jwks_uri`),
      shownRule(
        audience !== undefined && !/^[\x21-\x7e]+$/.test(audience),
        'audience',
        audience,
        "text without spaces, e.g. 'https://mlflow.example.com'",
      ),
      ...(authoritySecretName === undefined
        ? []
        : [objectNameRule('authoritySecretName', authoritySecretName, 'company-ca')]),
      ...egressRules('egress', egress),
    ];
  }
}

/** The first login whose claims a token has counts. */
function orderRules({ name, claims }: TokenLogin, { logins }: TokenVerifier): Rule[] {
  const before = logins.find((each) => Object.entries(each.claims).every(([claim, value]) => claims[claim] === value));
  return [
    {
      wrong: before !== undefined,
      given: `each token of the login '${name}' has the claims of '${before?.name}' too`,
      want: 'expected the login with more claims first: the first one that a token fits counts',
    },
  ];
}
