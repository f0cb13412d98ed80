import { containerOf, podOf, serverError, serverObjects } from './servers';
import { Authentication, Credentials, ServiceUserRole, TokenIssuer, TokenLogin, TrackingServerProps } from '../../lib';
import { find } from '../support/synth';

const gitHub: TokenLogin = {
  name: 'churn-main',
  issuer: TokenIssuer.gitHubActions(),
  claims: { repository: 'org/churn', ref: 'refs/heads/main' },
  role: ServiceUserRole.TRAINER,
};
const gitLab: TokenLogin = {
  name: 'team',
  issuer: TokenIssuer.gitLab('https://gitlab.example.com:8443', { authoritySecretName: 'company-ca' }),
  claims: { project_path: 'team/churn' },
  role: ServiceUserRole.READER,
  audience: 'https://mlflow.example.com',
};
const build = (logins: TokenLogin[], props: Partial<TrackingServerProps> = {}) =>
  serverObjects(props, (server) => logins.forEach((login) => server.addTokenLogin(login)));
const objects = build([gitHub, gitLab]);
const pod = podOf(objects);
const nginxOf = (all: any[]): string => find(all, 'ConfigMap', 'server-proxy').data['nginx.conf'];
const settings = (index: number) =>
  JSON.parse(find(objects, 'ConfigMap', 'server-programs').data[`token-issuer-${index}.yaml`]);

describe('a program that logs in with a token', () => {
  test('adds one oauth2-proxy for each issuer and audience, which start before nginx', () => {
    const names = pod.spec.initContainers.map(({ name }: any) => name);
    expect(names).toEqual(['wait-for-schema', 'mlflow', 'token-issuer-0', 'token-issuer-1']);
    const { args, restartPolicy } = containerOf(pod, 'token-issuer-0');
    expect(restartPolicy).toBe('Always');
    expect(args).toContain(
      '--alpha-config=/opt/cdk8s-mlflow/token-issuer-0.yaml'.replace('/opt/cdk8s-mlflow', folder()),
    );
  });

  test('has its issuer, audience and claims in the settings', () => {
    expect(settings(0).providers[0]).toMatchObject({
      clientID: 'server.mlflow.svc',
      additionalClaims: ['ref', 'repository'],
      oidcConfig: {
        issuerURL: 'https://token.actions.githubusercontent.com',
        jwksURL: 'https://token.actions.githubusercontent.com/.well-known/jwks',
        skipDiscovery: true,
      },
    });
    expect(settings(1).providers[0]).toMatchObject({
      clientID: 'https://mlflow.example.com',
      caFiles: ['/run/secrets/token-issuer-1/ca.crt'],
      oidcConfig: { jwksURL: 'https://gitlab.example.com:8443/oauth/discovery/keys' },
    });
  });

  test('is judged by nginx, by claims with exactly these letters', () => {
    expect(nginxOf(objects)).toContain(
      `map "$issuer_0_claim_0,$issuer_0_claim_1" $issuer_0_login_0 { '~^refs/heads/main,org/churn\\z' 1; default 0; }`,
    );
    const dots = build([{ ...gitHub, claims: { repository: 'org/a.b+c' } }]);
    expect(nginxOf(dots)).toContain("'~^org/a\\.b\\+c\\z' 1;");
  });

  test('lets the servers reach the keys of its issuer', () => {
    const ports = JSON.stringify(find(objects, 'NetworkPolicy', 'server').spec.egress);
    expect(ports).toContain('"port":443');
    expect(ports).toContain('"port":8443');
    const narrow = TokenIssuer.gitLab('https://gitlab.example.com:8443', {
      egress: [{ peer: { cidr: '10.0.0.1/32' }, port: 9443 }],
    });
    const text = JSON.stringify(find(build([{ ...gitLab, issuer: narrow }]), 'NetworkPolicy', 'server').spec.egress);
    expect(text).toContain('10.0.0.1/32');
    expect(text).not.toContain('8443');
  });

  test('shares the sidecar of its issuer with other logins', () => {
    const two = podOf(build([gitHub, { ...gitHub, name: 'churn', claims: { repository: 'org/churn' } }]));
    expect(two.spec.initContainers).toHaveLength(3);
  });

  test('works beside ServiceAccounts', () => {
    const both = serverObjects({}, (server) => {
      server.addTokenLogin(gitHub);
      server.addServiceAccount({ namespace: 'a', name: 'b', role: ServiceUserRole.READER });
    });
    expect(nginxOf(both)).toContain('error_page 401 = /issuer-0;');
    expect(podOf(both).spec.initContainers).toHaveLength(5);
  });

  test('leaves a server without any as it was', () => {
    expect(JSON.stringify(serverObjects())).not.toMatch(/token-issuer|issuer_0/);
  });
});

function folder(): string {
  const { volumeMounts } = containerOf(pod, 'token-issuer-0');
  return volumeMounts.find(({ name }: any) => name === 'programs').mountPath;
}

describe('addTokenLogin refuses', () => {
  const error = (login: Partial<TokenLogin>, props: Partial<TrackingServerProps> = {}, before: TokenLogin[] = []) =>
    serverError(props, (server) => [...before, { ...gitHub, ...login }].forEach((each) => server.addTokenLogin(each)));

  test.each([
    ['mlflow', Authentication.mlflow()],
    ['none', Authentication.none()],
  ])('Authentication.%s()', (kind, authentication) => {
    expect(error({}, { authentication })).toContain(
      `chart/server: the authentication is Authentication.${kind}(); expected Authentication.basic() or Authentication.oidc()`,
    );
  });

  test.each<[string, Partial<TokenLogin>, string]>([
    ['a name that is no name of a user', { name: 'Churn' }, "name is 'Churn'; expected at most 58"],
    ['a login without claims', { claims: {} }, 'claims is {}; expected at least one'],
    [
      'claims that every customer of GitHub has',
      { claims: { ref: 'refs/heads/main' } },
      'expected one of sub, repository',
    ],
    ['a claim with a comma', { claims: { repository: 'a,b' } }, "claims.repository is 'a,b'; expected text without"],
    ['a claim with a quote', { claims: { repository: "a'b" } }, 'claims.repository is'],
    ['a claim with a variable of nginx', { claims: { repository: '$host' } }, 'claims.repository is'],
    [
      'a claim that OAuth2 Proxy tells as another one',
      { claims: { sub: 'a', email: 'b' } },
      "a name in claims is 'email'",
    ],
    ['a name of a claim with spaces', { claims: { 'a b': 'c' } }, "a name in claims is 'a b'"],
    ['an audience with spaces', { audience: 'a b' }, "audience is 'a b'"],
    [
      'plain http',
      { issuer: TokenIssuer.gitLab('http://gitlab.com'), claims: { sub: 'a' } },
      'a URL with the scheme https',
    ],
  ])('%s', (_, login, message) => {
    expect(error(login)).toContain(message);
  });

  test('a name twice, also that of a service user, in either order', () => {
    expect(error({ claims: { repository: 'org/other' } }, {}, [gitHub])).toContain(
      "the login 'churn-main' exists already",
    );
    const user = serverError({}, (server) => {
      server.addServiceUser('churn-main');
      server.addTokenLogin(gitHub);
    });
    expect(user).toContain("the login 'churn-main' exists already");
    const after = serverError({}, (server) => {
      server.addTokenLogin(gitHub);
      server.addServiceUser('churn-main');
    });
    expect(after).toContain("the service user 'churn-main' exists already");
  });

  test('a login behind one that takes all its tokens', () => {
    const general = { ...gitHub, name: 'all', claims: { repository: 'org/churn' } };
    expect(error({}, {}, [general])).toContain("each token of the login 'churn-main' has the claims of 'all' too");
  });

  test('the tokens of people', () => {
    const authentication = Authentication.oidc({
      issuer: 'https://gitlab.example.com',
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('sso'),
      publicUrl: 'https://mlflow.example.com',
    });
    const issuer = TokenIssuer.gitLab('https://gitlab.example.com');
    expect(error({ issuer, claims: { sub: 'a' }, audience: 'mlflow' }, { authentication })).toContain(
      "Authentication.oidc() takes tokens of 'https://gitlab.example.com' with the audience 'mlflow' too",
    );
  });

  test('a fifth issuer, and one issuer with two addresses of keys', () => {
    const other = (index: number, keysUrl = 'https://a.example/keys') => ({
      name: `ci-${index}`,
      issuer: TokenIssuer.fromUrl({ issuer: `https://ci-${index}.example`, keysUrl }),
      claims: { sub: 'a' },
    });
    const four = [0, 1, 2, 3].map((index) => ({ ...gitHub, ...other(index) }));
    expect(error(other(4), {}, four)).toContain('expected at most 4 issuers and audiences');
    const changed = { ...other(0, 'https://b.example/keys'), name: 'x', claims: { sub: 'b' } };
    expect(error(changed, {}, four)).toContain('expected the same keysUrl');
  });
});
