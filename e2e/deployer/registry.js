// A registry in a pod: the calls of MLflow's REST API that the deployer makes, and PUT / to change its content.
const { createServer } = require('node:http');

let registry = { versions: {}, alias: undefined, away: false };
const model = 'churn';
const missing = [404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'not found' }];

function versionOf(version, tags) {
  const list = Object.entries(tags).map(([key, value]) => ({ key, value }));
  const aliases = version === registry.alias ? ['champion'] : [];
  return { model_version: { name: model, version, status: 'READY', creation_timestamp: 1, aliases, tags: list } };
}

function answer(method, url, body) {
  if (method === 'PUT') {
    for (const [version, tags] of Object.entries(body.versions ?? {}))
      Object.assign((registry.versions[version] ??= {}), tags);
    registry = { ...registry, ...body, versions: registry.versions };
    return [200, registry];
  }
  if (url.pathname === '/state') return [200, registry];
  if (registry.away) return [503, 'away'];
  const { version, key, value } = { ...body, ...Object.fromEntries(url.searchParams) };
  const tags = registry.versions[version];
  switch (`${method} ${url.pathname.replace('/api/2.0/mlflow/', '')}`) {
    case 'GET registered-models/alias':
      // MLflow answers with this error code, not with RESOURCE_DOES_NOT_EXIST, if an alias is not set.
      if (!registry.alias) return [400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'alias not found' }];
      return [200, versionOf(registry.alias, registry.versions[registry.alias] ?? {})];
    case 'GET model-versions/get':
      return tags ? [200, versionOf(version, tags)] : missing;
    case 'POST model-versions/set-tag':
      if (!tags) return missing;
      tags[key] = value;
      return [200, {}];
    case 'DELETE model-versions/delete-tag':
      if (!tags) return missing;
      delete tags[key];
      return [200, {}];
    default:
      return [404, 'nothing here'];
  }
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const [status, body] = answer(request.method, new URL(request.url, 'http://x'), text ? JSON.parse(text) : {});
  response.writeHead(status).end(JSON.stringify(body));
});
// A connection that the test is about to use again must not be closed at that moment.
server.keepAliveTimeout = 0;
server.listen(5000);
