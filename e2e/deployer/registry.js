// A registry in a pod: the few calls of MLflow's REST API that the deployer makes, and PUT / to change what it holds.
const { createServer } = require('node:http');

let registry = { versions: {}, alias: undefined, away: false };
const model = 'churn';
const missing = [404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'not found' }];

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
    case 'GET registered-models/search': {
      const aliases = registry.alias ? [{ alias: 'champion', version: registry.alias }] : [];
      return [200, { registered_models: [{ name: model, aliases }] }];
    }
    case 'GET model-versions/get': {
      if (!tags) return missing;
      const list = Object.entries(tags).map(([name, text]) => ({ key: name, value: text }));
      return [200, { model_version: { name: model, version, status: 'READY', creation_timestamp: 1, tags: list } }];
    }
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

createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const [status, body] = answer(request.method, new URL(request.url, 'http://x'), text ? JSON.parse(text) : {});
  response.writeHead(status).end(JSON.stringify(body));
}).listen(5000);
