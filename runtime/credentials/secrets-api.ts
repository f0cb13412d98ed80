import { type Found, look } from './decide';
import type { NewSecret } from './secret';
import { explain } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';
import { type Answer, send } from '../kubernetes/http';
import { accountName, type ServiceAccount } from '../kubernetes/service-account';

/** All that this program can do to a cluster: there is no update and no delete to call by mistake. */
export interface SecretsApi {
  get(name: string): Promise<Found>;
  /** What there is after it: the new Secret, or 'taken' when somebody else was faster. */
  create(name: string, secret: NewSecret): Promise<Found | 'taken'>;
}

export interface Server {
  readonly host: string;
  readonly port: number;
  /** May change while the program runs. */
  account(): ServiceAccount;
  timeoutMs(): number;
}

export function secretsApi(server: Server): SecretsApi {
  const call = async (verb: Verb, name: string, body?: unknown) => {
    const account = server.account();
    const collection = `/api/v1/namespaces/${encodeURIComponent(account.namespace)}/secrets`;
    const { host, port } = server;
    const answer = await send({
      ...{ host, port, body, ca: account.ca, authorization: `Bearer ${account.token}` },
      userAgent: 'cdk8s-mlflow-credentials',
      method: verb === 'get' ? 'GET' : 'POST',
      path: verb === 'get' ? `${collection}/${encodeURIComponent(name)}` : collection,
      timeoutMs: server.timeoutMs(),
    });
    return { answer, account };
  };
  return {
    async get(name) {
      const { answer, account } = await call('get', name);
      const found = answer.status === 200 ? look(answer.body, name) : undefined;
      if (found) return found;
      // A proxy in between may say 404 as well; only the API server's own counts.
      if (answer.status === 404 && reason(answer) === 'NotFound') return { state: 'absent' };
      throw classify('get', name, account, answer, []);
    },
    async create(name, secret) {
      const { answer, account } = await call('create', name, secret.manifest);
      const found = answer.status === 201 ? look(answer.body, name) : undefined;
      if (found) return found;
      if (answer.status === 409) return 'taken';
      throw classify('create', name, account, answer, secret.confidential);
    },
  };
}

type Verb = 'get' | 'create';

function classify(
  verb: Verb,
  name: string,
  account: ServiceAccount,
  answer: Answer,
  confidential: readonly string[],
): Failure {
  const { status, headers } = answer;
  const said = explain(answer, confidential);
  const what = `${verb} secrets ${JSON.stringify(name)} in namespace ${account.namespace}`;
  if (status === 401) {
    return new Failure(
      'fatal',
      `The API server does not accept the token of ${accountName(account)} (${what}; ${said})`,
    );
  }
  if (status === 403) {
    const remedy = 'its Role needs the verbs get and create on the resource secrets';
    return new Failure('forbidden', `${accountName(account)} may not ${what}; ${remedy} (${said})`);
  }
  if (status === 429 || status === 408 || status >= 500) {
    return new Failure('transient', `${what}: ${said}`, retryAfterMs(headers['retry-after']));
  }
  if (status >= 400 && reason(answer) !== undefined) return new Failure('rejected', `${what}: refused with ${said}`);
  return new Failure('transient', `${what}: HTTP ${status} without an answer that makes sense`);
}

function reason({ body }: Answer): string | undefined {
  const status = body as { kind?: unknown; reason?: unknown } | null | undefined;
  return status?.kind === 'Status' && typeof status.reason === 'string' ? status.reason : undefined;
}

/** API servers give whole seconds; a date is ignored. */
function retryAfterMs(header: string | undefined): number {
  return /^\d{1,6}$/.test(header ?? '') ? Number(header) * 1000 : 0;
}
