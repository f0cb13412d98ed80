// An OpenID Connect provider for tests, in one process that keeps all state in memory. It reads no files, so that esbuild
// can make one file of it. Settings, from the environment:
//   ISSUER         its URL, e.g. http://127.0.0.1:4000
//   PORT           where it listens; default: the port of ISSUER
//   CLIENT_ID, CLIENT_SECRET
//   REDIRECT_URI   of the client, e.g. https://mlflow.example.com/oauth2/callback; several with a space between them
//   AUDIENCE       of access tokens; default: CLIENT_ID
//   GROUPS         of the client itself (client credentials), with commas between them; default: ml-people
// Beside the provider's own pages it has these, for the test:
//   POST /control/token   {"claims":{…},"header":{…}}: a token with these claims, signed with the current key; a null
//                         removes a claim
//   POST /control/account {"name":"…","claims":{…}}: one more account
//   POST /control/rotate  {"keep":true}: a new key signs; the old one stays published only with "keep"
//   GET  /control/counts  how many requests arrived, by path
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

// oidc-provider needs Node.js 22; this is all that it misses in Node.js 20.
URL.parse ??= (...url) => (URL.canParse(...url) ? new URL(...url) : null);
const { warn } = console;
console.warn = (text, ...more) => /Unsupported runtime|in-memory adapter/.test(text) || warn(text, ...more);
const { Provider } = await import('oidc-provider');
const { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } = await import('jose');

const setting = (name, otherwise) => {
  const value = process.env[name] || otherwise;
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const issuer = setting('ISSUER');
const clientId = setting('CLIENT_ID');
const redirectUris = setting('REDIRECT_URI').split(' ');
const audience = setting('AUDIENCE', clientId);
const groupsOfClient = setting('GROUPS', 'ml-people').split(',');

/** As Entra ID names groups: no two have much in common, so that a cookie cannot be made smaller. */
const uuid = (number) =>
  createHash('sha256')
    .update(`group ${number}`)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
const mail = (name) => ({ email: `${name}@example.com`, email_verified: true });
const ACCOUNTS = {
  alice: { ...mail('alice'), groups: ['ml-people'] },
  bob: { ...mail('bob'), groups: ['other'] },
  carol: { ...mail('carol'), groups: [...Array.from({ length: 200 }, (_, number) => uuid(number)), 'ml-people'] },
  dave: { groups: ['ml-people'] },
  erin: { ...mail('erin'), email_verified: false, groups: ['ml-people'] },
  frank: { email: 'frank@elsewhere.example', email_verified: true, groups: ['ml-people'] },
};

async function newKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, use: 'sig', alg: 'RS256', kid: await calculateJwkThumbprint(jwk) };
}

/** The first one signs. */
let keys = [await newKey()];
let provider = newProvider();

function newProvider() {
  const made = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: clientId,
        client_secret: setting('CLIENT_SECRET'),
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        redirect_uris: redirectUris,
        post_logout_redirect_uris: redirectUris.flatMap((uri) =>
          ['..', 'signed-out'].map((path) => new URL(path, uri).href),
        ),
      },
    ],
    cookies: { keys: ['of the test'] },
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    conformIdTokenClaims: false,
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    findAccount: (_, name) => ACCOUNTS[name] && { accountId: name, claims: () => ({ sub: name, ...ACCOUNTS[name] }) },
    extraTokenClaims: (_, token) =>
      token.kind === 'ClientCredentials' ? { groups: groupsOfClient } : ACCOUNTS[token.accountId],
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    // Nobody is asked for a consent.
    async loadExistingGrant({ oidc }) {
      const grant = new made.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope('openid email groups offline_access');
      grant.addResourceScope(audienceUrl, 'openid email groups');
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = page('Log out', `${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`);
        },
      },
      // Makes JWTs of the access tokens of programs, and of those that ask for the resource. Those of people are for the
      // provider's own page of claims, which takes no others.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audienceUrl,
        useGrantedResource: () => false,
        getResourceServerInfo: () => ({
          scope: 'openid email groups',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: Object.fromEntries(
      ['AccessToken', 'ClientCredentials', 'Grant', 'IdToken', 'Interaction', 'RefreshToken', 'Session'].map((kind) => [
        kind,
        3600,
      ]),
    ),
  });
  // Behind an Ingress with TLS it goes by X-Forwarded-Proto.
  made.proxy = issuer.startsWith('https:');
  made.on('server_error', (_, error) => console.error(error));
  return made;
}

// A resource is named by a URL. The audience of its tokens may be any name.
const audienceUrl = 'urn:mlflow';

const page = (title, body) => `<!doctype html><html lang="en"><title>${title}</title>${body}</html>`;

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** The form of the login asks for the name of an account only. */
async function interaction(request, response) {
  await provider.interactionDetails(request, response);
  if (request.method === 'POST') {
    const accountId = new URLSearchParams(await body(request)).get('account');
    await provider.interactionFinished(request, response, { login: { accountId } });
    return;
  }
  const form = '<form method="post"><input name="account" autofocus><button>Log in</button></form>';
  response.setHeader('Content-Type', 'text/html').end(page('Log in', form));
}

const counts = {};

async function control(request, response) {
  const answer = (value) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
  if (request.url === '/control/counts') return answer(counts);
  const asked = JSON.parse((await body(request)) || '{}');
  if (request.url === '/control/account') {
    ACCOUNTS[asked.name] = asked.claims;
    return answer({});
  }
  if (request.url === '/control/rotate') {
    keys = [await newKey(), ...(asked.keep ? keys : [])];
    provider = newProvider();
    return answer({ kid: keys[0].kid });
  }
  if (request.url !== '/control/token') return response.writeHead(404).end();
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: clientId, iat: now, exp: now + 600, ...asked.claims };
  const present = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
  const { kid, alg } = keys[0];
  const token = await new SignJWT(present).setProtectedHeader({ alg, kid, typ: 'JWT', ...asked.header }).sign(keys[0]);
  return answer({ token });
}

async function handle(request, response) {
  const { pathname } = new URL(request.url, issuer);
  if (pathname.startsWith('/control/')) return control(request, response);
  counts[pathname] = (counts[pathname] ?? 0) + 1;
  if (pathname.startsWith('/interaction/')) return interaction(request, response);
  return provider.callback()(request, response);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => response.writeHead(500).end(String(error)));
});
server.listen(Number(setting('PORT', new URL(issuer).port)), () => console.log(`ready: ${issuer}`));
process.on('SIGTERM', () => process.exit());
