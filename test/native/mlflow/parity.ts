import { ask, Response } from '../nginx/client';

export type Route = readonly [method: string, path: string];

export interface Difference {
  readonly request: string;
  readonly ours: string;
  readonly bare: string;
}

/** The fields of all MLflow requests, in one body: each route reads the fields that it knows. */
const FIELDS = {
  ...{
    name: 'thing',
    experiment_id: '0',
    experiment_ids: ['0'],
    run_id: 'f'.repeat(32),
    model_id: 'm-x',
    version: '1',
  },
  ...{ key: 'color', value: 'red', tag_key: 'color', metric_key: 'loss', max_results: 5, path: 'folder/file.txt' },
  ...{ alias: 'best', stage: 'Staging', new_name: 'other', source: 'models:/other/1', filter: '', tags: [] },
  ...{ timestamp: 1, start_time: 1, end_time: 2, status: 'FINISHED', num_parts: 1, url: 'https://1.1.1.1/' },
  ...{ events: [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }], query: '{ __typename }', run_ids: [] },
};
const query = new URLSearchParams(
  Object.entries(FIELDS).flatMap(([name, value]) =>
    typeof value === 'object' ? [] : [[name, `${value}`] as [string, string]],
  ),
).toString();
const VALUES: Record<string, string> = {
  artifact_path: '1/folder/file.txt',
  name: 'thing',
  version: '1',
  key: 'color',
};

/** Requests that create come before those that read, and these before those that delete. */
const ORDER = ['PUT', 'POST', 'PATCH', 'GET', 'DELETE'];

/**
 * Sends the same requests to both servers, without a body and with FIELDS: several GET requests at a time, all others in
 * order.
 */
export async function differences(
  routes: readonly Route[],
  ports: readonly [ours: number, bare: number],
  login: Record<string, string>,
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const method of ORDER) {
    const requests = routes.filter(([each]) => each === method).flatMap(([, pattern]) => requestsOf(method, pattern));
    const askNext = async () => {
      for (let request = requests.shift(); request; request = requests.shift()) {
        const [ours, bare] = await answers(method, request, ports, login);
        if (ours !== bare) found.push({ request: `${method} ${request.path}`, ours, bare });
      }
    };
    await Promise.all(Array.from({ length: method === 'GET' ? 8 : 1 }, askNext));
  }
  return found;
}

interface Request {
  readonly path: string;
  readonly body?: string;
}

function requestsOf(method: string, pattern: string): Request[] {
  const path = pattern.replace(/\{(\w+)(:\w+)?\}/g, (_, name) => VALUES[name] ?? 'x');
  const withFields = method === 'GET' ? { path: `${path}?${query}` } : { path, body: JSON.stringify(FIELDS) };
  return [{ path }, withFields];
}

async function answers(
  method: string,
  request: Request,
  ports: readonly number[],
  login: Record<string, string>,
): Promise<string[]> {
  const headers = { 'content-type': 'application/json', host: 'localhost:5000' };
  const [ours, bare] = ports;
  const both = await Promise.all([
    ask({ port: ours, method, headers: { ...headers, ...login }, ...request }),
    ask({ port: bare, method, headers, ...request }),
  ]);
  return both.map(comparable);
}

/** Status, content type and body. Random values and times are replaced. */
function comparable({ status, headers, body }: Response): string {
  const text = body
    .replace(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}/g, '<id>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?/g, '<time>')
    .replace(/\b1[6-9]\d{8}(\d{3})?\b/g, '<time>')
    .replace(/\b[a-z]+-[a-z]+-\d{1,3}\b/g, '<run name>');
  return `${status} ${headers['content-type'] ?? ''} ${text}`;
}
