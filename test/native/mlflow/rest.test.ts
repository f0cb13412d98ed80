import { join } from 'node:path';
import { differences, Route } from './parity';
import { login, Servers } from './servers';

/** Requests that the proxy answers in another way than a plain MLflow: [request, the proxy's status, reason]. */
const DIFFERENT: readonly (readonly [request: RegExp, status: number, why: string])[] = [
  [/^GET \/ajax-api\/3\.0\/mlflow\/assistant\/(config|providers)(\?|$)/, 200, 'the pages are told that there is none'],
  [/^\w+ \/ajax-api\/3\.0\/mlflow\/assistant/, 404, 'it runs commands for whoever seems to be local'],
  [/^\w+ \/(ajax-)?api\/2\.0\/mlflow-artifacts\/(mpu|presigned)\//, 501, 'signed URLs of the store'],
  [/^POST \/(ajax-)?api\/2\.0\/mlflow\/artifacts\/presigned-(up|down)load-url$/, 501, 'signed URLs of the store'],
  [/^GET \/(ajax-)?api\/3\.0\/mlflow\/server-info/, 200, 'signed URLs of the store are not offered'],
];
/** Requests that take minutes: they fill the server with an example, or read a catalogue of models from the internet. */
const NOT_ASKED = /\/mlflow\/(demo\/|gateway\/supported-models)/;

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start('bare');
}, 900_000);
afterAll(() => servers?.stop());

test('every route of MLflow answers the same through the proxy, except for those of the table', async () => {
  const routes: Route[] = JSON.parse(await servers.python([join(__dirname, 'routes.py')]));
  expect(routes.length).toBeGreaterThan(400);
  const asked = routes.filter(([, path]) => !NOT_ASKED.test(path));
  const found = await differences(asked, [servers.proxy.httpPort, servers.bare!], login);

  const named = new Set<RegExp>();
  const unnamed = found.filter(({ request, ours }) => {
    const entry = DIFFERENT.find(([pattern, status]) => pattern.test(request) && ours.startsWith(`${status} `));
    if (entry) named.add(entry[0]);
    return !entry;
  });
  expect(unnamed).toEqual([]);
  // An entry without a matching request would hide a later difference.
  expect(DIFFERENT.filter(([pattern]) => !named.has(pattern))).toEqual([]);
}, 900_000);
