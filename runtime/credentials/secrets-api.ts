import { Agent } from 'node:https';
import { type Found, look } from './decide';
import type { NewSecret } from './secret';
import { explain } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';
import { type Answer, send } from '../kubernetes/http';
import { accountName, type ServiceAccount } from '../kubernetes/service-account';

/** All that this program can do to a cluster: it changes only the Secret of a server's users, and deletes none. */
export interface SecretsApi {
  get(name: string): Promise<Found>;
  /** The values in base64, to copy or to compare them; undefined where there is no Secret. Its own namespace if not told. */
  values(name: string, namespace?: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** What there is after it: the new Secret, or 'taken' if another client created it first. */
  create(name: string, secret: NewSecret, namespace?: string): Promise<Found | 'taken'>;
  /** A Secret as it is, to be changed; undefined where there is none. */
  version(name: string): Promise<Version | undefined>;
  /** Sets keys, or takes away those that are null, unless another client changed the Secret meanwhile. */
  change(name: string, version: string, change: Change): Promise<void>;
  /** A key of a ConfigMap of its own namespace; undefined where it cannot be read. */
  configMap(name: string, key: string): Promise<string | undefined>;
}

export interface Version {
  readonly resourceVersion: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface Change {
  /** In base64. */
  readonly data: Readonly<Record<string, string | null>>;
  readonly confidential: readonly string[];
}

export interface Server {
  readonly host: string;
  readonly port: number;
  /** May change while the program runs. */
  account(): ServiceAccount;
  timeoutMs(): number;
}

export function secretsApi(server: Server): SecretsApi {
  // A thousand Secrets are some thousand requests.
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const call = async (verb: Verb, name: string, at?: string, body?: unknown, resource = 'secrets') => {
    const account = server.account();
    const namespace = at ?? account.namespace;
    const collection = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${resource}`;
    const { host, port } = server;
    const answer = await send({
      ...{ host, port, agent, body, ca: account.ca, authorization: `Bearer ${account.token}` },
      userAgent: 'cdk8s-mlflow-credentials',
      method: METHODS[verb],
      path: verb === 'create' ? collection : `${collection}/${encodeURIComponent(name)}`,
      contentType: verb === 'patch' ? 'application/merge-patch+json' : undefined,
      timeoutMs: server.timeoutMs(),
    });
    return { answer, account, namespace };
  };
  const read = async (name: string, at?: string) => {
    const { answer, account, namespace } = await call('get', name, at);
    const found = answer.status === 200 ? look(answer.body, name) : undefined;
    if (found) return { found, body: answer.body };
    // A proxy in between may say 404 as well; only the API server's own counts.
    if (answer.status === 404 && reason(answer) === 'NotFound') return { found: { state: 'absent' } as const };
    throw classify('get', name, namespace, account, answer, []);
  };
  return {
    async get(name) {
      return (await read(name)).found;
    },
    async values(name, at) {
      const { found, body } = await read(name, at);
      if (found.state === 'leaving') throw new Failure('transient', `Secret ${name} is being deleted`);
      return found.state === 'present' ? ((body as { data?: Record<string, string> }).data ?? {}) : undefined;
    },
    async create(name, secret, at) {
      const { answer, account, namespace } = await call('create', name, at, secret.manifest);
      const found = answer.status === 201 ? look(answer.body, name) : undefined;
      if (found) return found;
      if (answer.status === 409) return 'taken';
      throw classify('create', name, namespace, account, answer, secret.confidential);
    },
    async version(name) {
      const { found, body } = await read(name);
      if (found.state === 'leaving') throw new Failure('transient', `Secret ${name} is being deleted`);
      const { data = {}, metadata } = (body ?? {}) as any;
      return found.state === 'present' ? { data, resourceVersion: String(metadata.resourceVersion) } : undefined;
    },
    async change(name, resourceVersion, { data, confidential }) {
      const body = { metadata: { resourceVersion }, data };
      const { answer, account, namespace } = await call('patch', name, undefined, body);
      if (answer.status === 200 && look(answer.body, name)) return;
      if (answer.status === 409) {
        throw new Failure('transient', `Secret ${name} was changed by another client meanwhile`);
      }
      throw classify('patch', name, namespace, account, answer, confidential);
    },
    async configMap(name, key) {
      const { answer } = await call('get', name, undefined, undefined, 'configmaps');
      const value = (answer.body as any)?.data?.[key];
      return answer.status === 200 && typeof value === 'string' ? value : undefined;
    },
  };
}

type Verb = 'get' | 'create' | 'patch';
const METHODS = { get: 'GET', create: 'POST', patch: 'PATCH' } as const;

function classify(
  verb: Verb,
  name: string,
  namespace: string,
  account: ServiceAccount,
  answer: Answer,
  confidential: readonly string[],
): Failure {
  const { status, headers } = answer;
  const said = explain(answer, confidential);
  const what = `${verb} secrets ${JSON.stringify(name)} in namespace ${namespace}`;
  if (status === 401) {
    return new Failure(
      'fatal',
      `The API server does not accept the token of ${accountName(account)} (${what}; ${said})`,
    );
  }
  if (status === 403) {
    const verbs = verb === 'patch' ? 'verb patch' : 'verbs get and create';
    const remedy = `its Role needs the ${verbs} on the resource secrets`;
    return new Failure('forbidden', `${accountName(account)} may not ${what}; ${remedy} (${said})`);
  }
  if (status === 429 || status === 408 || status >= 500) {
    return new Failure('transient', `${what}: ${said}`, retryAfterMs(headers['retry-after']));
  }
  if (status >= 400 && reason(answer) !== undefined) return new Failure('rejected', `${what}: refused with ${said}`);
  return new Failure('transient', `${what}: HTTP ${status} with an answer that does not come from Kubernetes`);
}

function reason({ body }: Answer): string | undefined {
  const status = body as { kind?: unknown; reason?: unknown } | null | undefined;
  return status?.kind === 'Status' && typeof status.reason === 'string' ? status.reason : undefined;
}

/** API servers give whole seconds; a date is ignored. */
function retryAfterMs(header: string | undefined): number {
  return /^\d{1,6}$/.test(header ?? '') ? Number(header) * 1000 : 0;
}
