import { type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Certificate, selfSigned } from './certificate';

export const namespace = 'mlops';
export const token = [{ alg: 'RS256' }, { sub: `system:serviceaccount:${namespace}:mlflow-credentials` }, 'signature']
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.');

export interface StoredSecret {
  kind?: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> } & Record<
    string,
    unknown
  >;
  type?: string;
  data?: Record<string, string>;
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly body?: StoredSecret;
}

/** Answers one request instead of the server. If it returns false, the server answers as usual. */
export type Fault = (response: ServerResponse, seen: Seen) => void | false | Promise<void | false>;

/** Behaves like an API server for a client that may get, create and patch Secrets and get ConfigMaps. */
export class ApiServer {
  public readonly secrets = new Map<string, StoredSecret>();
  public readonly seen: Seen[] = [];
  /** One fault for each request, in order. After the last, the server answers all requests. */
  public faults: Fault[] = [];
  public port = 0;
  public readonly configMaps = new Map<string, Record<string, string>>();
  /** Called once, before a Secret is changed. */
  public beforePatch?: () => void;
  private versions = 0;
  private readonly server: Server;

  constructor(public readonly certificate: Certificate = selfSigned()) {
    this.server = createServer({ ...certificate }, (request, response) => {
      this.answer(request, response).catch((error: Error) => response.destroy(error));
    });
  }

  async start(port = 0, host = '127.0.0.1'): Promise<this> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, host, resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  put(name: string, values: Record<string, string>, metadata: Record<string, unknown> = {}): void {
    const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    const resourceVersion = String(++this.versions);
    this.secrets.set(name, {
      kind: 'Secret',
      metadata: { name, resourceVersion, ...metadata },
      data: Object.fromEntries(data),
    });
  }

  values(name: string): Record<string, string> {
    const data = Object.entries(this.secrets.get(name)?.data ?? {});
    return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  /** The requests, such as `GET mlflow-postgres-secret` or `POST mlflow-postgres-secret`. */
  get asked(): string[] {
    return this.seen.map(({ method, path, body }) => `${method} ${body?.metadata.name ?? path.split('/').pop()}`);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const sent = await text(request);
    const seen = { method, path, host: headers.host ?? '', ...(sent && { body: JSON.parse(sent) as StoredSecret }) };
    this.seen.push(seen);
    const fault = this.faults.shift();
    if (fault && (await fault(response, seen)) !== false) return;
    const [, configMap] = /^\/api\/v1\/namespaces\/mlops\/configmaps\/(.+)$/.exec(path) ?? [];
    if (configMap) return json(response, 200, { kind: 'ConfigMap', data: this.configMaps.get(configMap) });
    const [, at, name] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(path) ?? [];
    if (headers.authorization !== `Bearer ${token}`) return status(response, 401, 'Unauthorized', 'Unauthorized');
    if (!at || headers.accept !== 'application/json') return status(response, 404, 'NotFound', 'no such resource');
    if (method === 'GET' && name) {
      const found = this.secrets.get(storedAs(at, name));
      return found ? json(response, 200, found) : status(response, 404, 'NotFound', `secrets "${name}" not found`);
    }
    if (method === 'POST' && !name && seen.body) return this.create(at, seen.body, response);
    if (method === 'PATCH' && name && seen.body && headers['content-type'] === 'application/merge-patch+json') {
      return this.patch(storedAs(at, name), seen.body, response);
    }
    return status(response, 405, 'MethodNotAllowed', `the test allows no ${method}`);
  }

  private patch(name: string, { metadata, data = {} }: StoredSecret, response: ServerResponse): void {
    this.beforePatch?.();
    this.beforePatch = undefined;
    const found = this.secrets.get(name)!;
    if (metadata.resourceVersion !== found.metadata.resourceVersion) {
      return status(response, 409, 'Conflict', `secrets "${name}" was changed`);
    }
    const kept = Object.entries({ ...found.data, ...data }).filter(([, value]) => value !== null);
    const version = { ...found.metadata, resourceVersion: String(++this.versions) };
    this.secrets.set(name, { ...found, metadata: version, data: Object.fromEntries(kept) });
    return json(response, 200, this.secrets.get(name));
  }

  private create(at: string, secret: StoredSecret, response: ServerResponse): void {
    const { name } = secret.metadata;
    if (this.secrets.has(storedAs(at, name))) {
      return status(response, 409, 'AlreadyExists', `secrets "${name}" already exists`);
    }
    const made = { ...secret, metadata: { ...secret.metadata, resourceVersion: String(++this.versions) } };
    this.secrets.set(storedAs(at, name), made);
    return json(response, 201, made);
  }
}

/** The key of a Secret: its name in the program's own namespace, `namespace/name` in others. */
function storedAs(at: string, name: string): string {
  return at === namespace ? name : `${at}/${name}`;
}

export function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(response: ServerResponse, code: number, reason: string, message: string): void {
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });
}

export const refuse =
  (code: number, reason: string, message = reason): Fault =>
  (response) =>
    status(response, code, reason, message);

export const garbage =
  (code: number, body = '<html>sorry</html>'): Fault =>
  (response) => {
    response.writeHead(code, { 'content-type': 'text/html' }).end(body);
  };

export const hang: Fault = () => undefined;
export const usual: Fault = () => false;
