import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { SeenVersion } from './decide';
import { createdOf, type Models, readPage } from './models';
import type { Login } from './settings';
import { redact } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';
import { type Answer, send } from '../kubernetes/http';

/** Why the registry could not be asked, as the metric of the polls has it. */
export type Trouble = 'unreachable' | 'refused' | 'broken';

export class RegistryFailure extends Failure {
  constructor(
    public readonly trouble: Trouble,
    message: string,
  ) {
    super('transient', `registry: ${message}`);
  }
}

/** `refused`: it will be refused again, as by a login that may not. */
export type Written = 'done' | 'gone' | 'refused';

export interface Registry {
  list(): Promise<Models>;
  version(model: string, version: string, errorKey: string): Promise<SeenVersion>;
  tag(model: string, version: string, key: string, value: string): Promise<Written>;
  untag(model: string, version: string, key: string): Promise<Written>;
}

export interface RegistryOptions {
  readonly trackingUri: string;
  /** The models that matter; of the others nothing is kept. */
  readonly models: ReadonlySet<string>;
  readonly login: () => Login;
  readonly timeoutMs: number;
  /** Called with every answer. */
  readonly beat: () => void;
}

const pageSize = 1000;
const mostPages = 1000;
/** 1000 models with their newest versions, descriptions and tags. */
const longestAnswer = 64 * 1024 * 1024;

export function mlflowRegistry({ trackingUri, models, login, timeoutMs, beat }: RegistryOptions): Registry {
  const { protocol, hostname, port, pathname } = new URL(trackingUri);
  const secure = protocol === 'https:';
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 8 });
  const server = {
    ...{ agent, timeoutMs, longestAnswer, userAgent: 'cdk8s-mlflow-deployer', host: hostname },
    protocol: secure ? ('https:' as const) : ('http:' as const),
    port: Number(port || (secure ? 443 : 80)),
  };
  const base = `${pathname.replace(/\/+$/, '')}/api/2.0/mlflow/`;

  const ask = async (method: 'GET' | 'POST' | 'DELETE', call: string, parameters: Record<string, string>) => {
    const { authorization, password } = login();
    const query = method === 'GET' ? `?${new URLSearchParams(parameters)}` : '';
    let answer: Answer;
    try {
      const body = method === 'GET' ? undefined : parameters;
      answer = await send({ ...server, method, path: `${base}${call}${query}`, authorization, body });
    } catch (error) {
      throw error instanceof Failure ? new RegistryFailure('unreachable', `${call}: ${error.message}`) : error;
    } finally {
      beat();
    }
    const said = `${call}: ${explain(answer, password)}`;
    if (answer.status === 401) {
      throw new RegistryFailure(
        'refused',
        `${said}; ${authorization ? 'the login is not accepted' : 'no login is set'}`,
      );
    }
    return { answer, said, code: codeOf(answer) };
  };

  const write = async (method: 'POST' | 'DELETE', call: string, parameters: Record<string, string>) => {
    const { answer, said, code } = await ask(method, call, parameters);
    if (answer.status === 200 && isRecord(answer.body)) return 'done';
    if (answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return 'gone';
    if (answer.status === 403 || (answer.status === 400 && code !== undefined)) return 'refused';
    throw new RegistryFailure('broken', said);
  };

  return {
    async list() {
      const found: Models = new Map();
      const seen = new Set<string>();
      for (let token = ''; seen.size < mostPages;) {
        const { answer, said } = await ask('GET', 'registered-models/search', {
          max_results: String(pageSize),
          ...(token && { page_token: token }),
        });
        if (answer.status === 403) throw new RegistryFailure('refused', said);
        const page = answer.status === 200 ? readPage(answer.body, models) : undefined;
        if (!page) throw new RegistryFailure('broken', `${said}, which is no page of registered models`);
        for (const [name, model] of page.models) found.set(name, model);
        if (!page.next) return found;
        if (seen.has(page.next)) break;
        seen.add((token = page.next));
      }
      throw new RegistryFailure('broken', 'registered-models/search: its pages have no end');
    },

    async version(model, version, errorKey) {
      const { answer, said, code } = await ask('GET', 'model-versions/get', { name: model, version });
      if (answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return { is: 'gone' };
      const found = isRecord(answer.body) ? answer.body.model_version : undefined;
      if (answer.status !== 200 || !isRecord(found) || String(found.version) !== version || found.name !== model) {
        throw new RegistryFailure('broken', `${said}, which is no model version`);
      }
      const tags: any[] = Array.isArray(found.tags) ? found.tags : [];
      const error = tags.find((tag) => tag?.key === errorKey)?.value;
      return {
        is: 'there',
        ...createdOf(found),
        // Registries that know no status have versions that are ready.
        status: typeof found.status === 'string' ? found.status : 'READY',
        ...(error !== undefined && { error: oneLine(String(error)) }),
      };
    },

    tag: async (name, version, key, value) => write('POST', 'model-versions/set-tag', { name, version, key, value }),
    untag: async (name, version, key) => write('DELETE', 'model-versions/delete-tag', { name, version, key }),
  };
}

const isRecord = (value: unknown): value is Record<string, any> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function codeOf({ body }: Answer): string | undefined {
  return isRecord(body) && typeof body.error_code === 'string' ? body.error_code : undefined;
}

/** MLflow's own words, if it gave any. */
function explain(answer: Answer, password?: string): string {
  const code = codeOf(answer);
  if (code === undefined) return `HTTP ${answer.status}`;
  const message = typeof answer.body === 'object' ? String((answer.body as any).message ?? '') : '';
  return oneLine(`HTTP ${answer.status} ${code} ${redact(message, password ? [password] : [])}`).slice(0, 400);
}

const oneLine = (text: string) => text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
