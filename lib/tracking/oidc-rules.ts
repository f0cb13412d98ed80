import { OidcPermissions } from './oidc-permissions';
import { OidcAuthenticationProps } from './oidc-props';
import { SIGN_ON_RESOURCES } from './sign-on-pod';
import { durationRule } from '../kubernetes/durations';
import { egressRules } from '../kubernetes/network-peer';
import { mergeResources, resourceRules } from '../kubernetes/resources';
import { Rule, objectNameRule, shownRule } from '../kubernetes/rules';

/** Text of one argument, without spaces: `--scope` separates by them. */
const WORD = /^[\x21-\x7e]+$/;

/** What is wrong with the options of `Authentication.oidc()`. */
export function oidcRules(props: OidcAuthenticationProps): Rule[] {
  const {
    issuer,
    clientId,
    groups,
    emailDomains,
    scopes,
    audiences,
    issuers = [],
    endpoints,
    authoritySecretName,
    permissions,
  } = props;
  const urls: [string, string | undefined][] = [
    ['issuer', issuer],
    ['logoutUrl', props.logoutUrl],
    ['endpoints.authorization', endpoints?.authorization],
    ['endpoints.token', endpoints?.token],
    ['endpoints.keys', endpoints?.keys],
    ...issuers.map((each, index): [string, string] => [`issuers[${index}].issuer`, each.issuer]),
  ];
  const words: [string, string | undefined, string][] = [
    ['clientId', clientId, "'mlflow'"],
    ['groupsClaim', props.groupsClaim, "'groups'"],
    ['emailClaim', props.emailClaim, "'email'"],
    ...(scopes ?? []).map((each): [string, string, string] => ['one of scopes', each, "'openid'"]),
    ...(audiences ?? []).map((each): [string, string, string] => ['one of audiences', each, "'mlflow-api'"]),
    ...issuers.map((each, index): [string, string, string] => [
      `issuers[${index}].audience`,
      each.audience,
      "'mlflow'",
    ]),
  ];
  return [
    ...urls.map(([what, value]) =>
      shownRule(
        value !== undefined && !httpsUrl(value),
        what,
        value,
        "a URL with the scheme https, as the provider's page .well-known/openid-configuration has it, e.g. 'https://login.example.com/realms/ml'",
      ),
    ),
    ...words.map(([what, value, example]) =>
      shownRule(
        value !== undefined && (!WORD.test(value) || value.includes(',')),
        what,
        value,
        `text without spaces and commas, e.g. ${example}`,
      ),
    ),
    ...listRules(
      'groups',
      groups,
      "names of groups as the provider's claim has them, without commas, e.g. ['ml-people']",
    ),
    ...listRules(
      'permissions.adminGroups',
      permissions?.adminGroups,
      "names of groups as the provider's claim has them, without commas, e.g. ['ml-admins']",
      undefined,
      '',
    ),
    {
      wrong: permissions !== undefined && issuers.length > 0,
      given: 'issuers and permissions are given',
      want: 'expected one of them: a token of another issuer could have the name of a person. Use addTokenLogin() for programs',
    },
    ...listRules('emailDomains', emailDomains, "domains without '@', e.g. ['example.com']", /^[a-z0-9.-]+$/),
    {
      wrong: issuers.length > 0 && groups === undefined,
      given: 'issuers are given without groups',
      want: "expected groups of which their tokens have one, e.g. ['ml-robots']: without them everybody with an account there may come in",
    },
    {
      wrong: scopes !== undefined && !scopes.includes('openid'),
      given: `scopes is [${scopes?.join(', ')}]`,
      want: "expected a list with 'openid', e.g. ['openid', 'email', 'groups']: without it the token names no person",
    },
    shownRule(
      props.publicUrl !== undefined && !/^https:\/\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(props.publicUrl),
      'publicUrl',
      props.publicUrl,
      "the scheme https and a host in lower case, without a path, e.g. 'https://mlflow.example.com'",
    ),
    durationRule('sessionDuration', props.sessionDuration, 60),
    ...egressRules('egress', props.egress),
    ...resourceRules(mergeResources(SIGN_ON_RESOURCES, props.resources), 'authentication.resources'),
    ...(authoritySecretName === undefined
      ? []
      : [objectNameRule('authoritySecretName', authoritySecretName, 'company-ca')]),
    ...props.credentials._rules('credentials'),
    {
      wrong: props.credentials._kind !== 'secret',
      given: `the credentials of the provider's client are ${props.credentials._kind}`,
      want: "expected Credentials.fromSecret('mlflow-sso'): the provider gives the client its secret",
    },
  ];
}

/** What is wrong with MLflow's permissions for this server. */
export function permissionRules(
  permissions: OidcPermissions | undefined,
  isMysql: boolean,
  hasWorkspaces: boolean,
): Rule[] {
  return [
    {
      wrong: permissions !== undefined && isMysql,
      given:
        "authentication is Authentication.oidc({ permissions: … }), and the server's database is Database.mysql(…)",
      want: "expected no permissions, or a PostgreSQL: MLflow gives two constraints of its users' tables one name, which MySQL and MariaDB refuse",
    },
    {
      wrong: permissions !== undefined && hasWorkspaces,
      given: 'authentication is Authentication.oidc({ permissions: … }), and workspaces are given',
      want: "expected one of them: with workspaces the proxy decides by groups, and MLflow's permissions would ask for a role in each workspace too",
    },
  ];
}

export function httpsUrl(value: string): boolean {
  return /^https:\/\/[^\s@#'"\\$;{},]+$/.test(value) && URL.canParse(value);
}

function listRules(
  what: string,
  values: string[] | undefined,
  right: string,
  pattern = /^[^,\p{Cc}]+$/u,
  leave = '; or leave it out',
): Rule[] {
  return [
    { wrong: values?.length === 0, given: `${what} is []`, want: `expected ${right}${leave}` },
    ...(values ?? []).map((value) => shownRule(!pattern.test(value), `one of ${what}`, value, right)),
  ];
}
