import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { SeenVersion } from './decide';
import { createdOf, type Model, type Models, modelKey, modelOf, placeOf, readPage, versionOfAlias } from './models';
import type { Login } from './settings';
import type { DeployerTarget } from './targets';
import { redact } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';
import { type Answer, LongAnswer, send } from '../kubernetes/http';

/** Why the registry could not be asked, as the metric of the polls has it. */
export type Trouble = 'unreachable' | 'refused' | 'broken';

export class RegistryFailure extends Failure {
  constructor(
    public readonly trouble: Trouble,
    message: string,
    public readonly cause?: Failure,
  ) {
    super('transient', `registry: ${message}`);
  }
}

/** `refused`: it will be refused again, as by a login that may not. */
export type Written = 'done' | 'gone' | 'refused';

export interface Registry {
  /** What the registry says of the models of these targets; of others nothing is kept. A `model` below is a `modelKey`. */
  list(targets: readonly DeployerTarget[]): Promise<Models>;
  /** `tags` are the keys of what pods say of it. */
  version(
    model: string,
    version: string,
    tags: { readonly error: string; readonly waiting: string },
  ): Promise<SeenVersion>;
  tag(model: string, version: string, key: string, value: string): Promise<Written>;
  untag(model: string, version: string, key: string): Promise<Written>;
}

export interface RegistryOptions {
  readonly trackingUri: string;
  readonly login: () => Login;
  readonly timeoutMs: number;
  /** Called with every answer. */
  readonly beat: () => void;
}

/** A list of 4,000 models costs the server 2 s, an answer about one of them some 20 ms: up to so many are asked one by one. */
const mostOneByOne = 20;
const atOnce = 4;
const pageSize = 200;
const mostPages = 5000;
/** A page with descriptions and tags; parsed it takes several times that in a pod that has 256 MiB. */
const longestAnswer = 8 * 1024 * 1024;

export function mlflowRegistry({ trackingUri, login, timeoutMs, beat }: RegistryOptions): Registry {
  const { protocol, hostname, port, pathname } = new URL(trackingUri);
  const secure = protocol === 'https:';
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 8 });
  const server = {
    ...{ agent, timeoutMs, longestAnswer, userAgent: 'cdk8s-mlflow-deployer', host: hostname },
    protocol: secure ? ('https:' as const) : ('http:' as const),
    port: Number(port || (secure ? 443 : 80)),
  };
  const base = `${pathname.replace(/\/+$/, '')}/api/2.0/mlflow/`;

  const ask = async (
    method: 'GET' | 'POST' | 'DELETE',
    call: string,
    parameters: Record<string, string>,
    workspace?: string,
  ) => {
    const { authorization, password } = login();
    const query = method === 'GET' ? `?${new URLSearchParams(parameters)}` : '';
    let answer: Answer;
    try {
      const body = method === 'GET' ? undefined : parameters;
      const headers = workspace === undefined ? undefined : { 'x-mlflow-workspace': workspace };
      answer = await send({ ...server, method, path: `${base}${call}${query}`, headers, authorization, body });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new RegistryFailure('unreachable', `${call}: ${error.message}`, error);
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

  const write = async (method: 'POST' | 'DELETE', call: string, model: string, tag: Record<string, string>) => {
    const { workspace, name } = placeOf(model);
    const { answer, said, code } = await ask(method, call, { name, ...tag }, workspace);
    if (answer.status === 200 && isRecord(answer.body)) return 'done';
    if (answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return 'gone';
    if (answer.status === 403 || (answer.status === 400 && code !== undefined)) return 'refused';
    throw new RegistryFailure('broken', said);
  };

  /** Undefined where there is no such model, or where the login may not see it, which MLflow's own login answers alike. */
  const one = async (call: string, parameters: Record<string, string>, workspace?: string) => {
    const { answer, said, code } = await ask('GET', call, parameters, workspace);
    if (answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return { is: 'absent' } as const;
    if (answer.status === 403) return { is: 'absent' } as const;
    return { is: 'answered', answer, said, code } as const;
  };

  const byAlias = async (model: string, alias: string): Promise<Model | undefined> => {
    const { workspace, name } = placeOf(model);
    const found = await one('registered-models/alias', { name, alias }, workspace);
    if (found.is === 'absent') return undefined;
    // An alias that is not set is no error of the registry, though it answers with one.
    if (found.answer.status === 400 && found.code === 'INVALID_PARAMETER_VALUE') return modelOf({ name })!;
    const version = found.answer.status === 200 ? versionOfAlias(found.answer.body, name, alias) : undefined;
    if (!version) throw new RegistryFailure('broken', `${found.said}, which is not a model version`);
    return version;
  };

  const whole = async (key: string): Promise<Model | undefined> => {
    const { workspace, name } = placeOf(key);
    const found = await one('registered-models/get', { name }, workspace);
    if (found.is === 'absent') return undefined;
    const body = isRecord(found.answer.body) ? found.answer.body.registered_model : undefined;
    const model = found.answer.status === 200 && body?.name === name ? modelOf(body) : undefined;
    if (!model) throw new RegistryFailure('broken', `${found.said}, which is not a registered model`);
    return model;
  };

  const pages = async (names: ReadonlySet<string>, workspace?: string): Promise<Models> => {
    const found: Models = new Map();
    const seen = new Set<string>();
    let size = pageSize;
    const read = async (token: string): ReturnType<typeof ask> => {
      const parameters = { max_results: String(size), ...(token && { page_token: token }) };
      try {
        return await ask('GET', 'registered-models/search', parameters, workspace);
      } catch (error) {
        // Models with long descriptions: less of them at a time. A page token is a position, whatever the size.
        if (!(error instanceof RegistryFailure && error.cause instanceof LongAnswer) || size === 1) throw error;
        size = Math.ceil(size / 8);
        return read(token);
      }
    };
    for (let token = ''; seen.size < mostPages;) {
      const { answer, said, code } = await read(token);
      // One workspace that does not exist stops no other.
      if (workspace !== undefined && answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return found;
      if (answer.status === 403) throw new RegistryFailure('refused', said);
      const page = answer.status === 200 ? readPage(answer.body, names) : undefined;
      if (!page) throw new RegistryFailure('broken', `${said}, which is not a page of registered models`);
      for (const [model, each] of page.models) found.set(modelKey({ workspace, model }), each);
      if (!page.next) return found;
      if (seen.has(page.next)) break;
      seen.add((token = page.next));
    }
    throw new RegistryFailure('broken', 'registered-models/search: its pages have no end');
  };

  return {
    async list(targets) {
      const keys = new Set(targets.map(modelKey));
      // One question for an alias; for a stage, or several aliases, one for the model.
      const questions = [...keys].map((key) => {
        const of = targets.filter((target) => modelKey(target) === key);
        const aliases = new Set(of.map(({ alias }) => alias));
        const [alias] = aliases;
        return { key, alias: aliases.size === 1 ? alias : undefined };
      });
      const found: Models = new Map();
      if (questions.length > mostOneByOne) {
        for (const workspace of new Set(targets.map((target) => target.workspace))) {
          const names = targets.filter((target) => target.workspace === workspace).map(({ model }) => model);
          for (const [key, model] of await pages(new Set(names), workspace)) found.set(key, model);
        }
        return found;
      }
      const work = async () => {
        for (let next = questions.shift(); next; next = questions.shift()) {
          const { key, alias } = next;
          const model = alias === undefined ? await whole(key) : await byAlias(key, alias);
          if (model) found.set(key, model);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      return found;
    },

    async version(model, version, keys) {
      const { workspace, name } = placeOf(model);
      const { answer, said, code } = await ask('GET', 'model-versions/get', { name, version }, workspace);
      if (answer.status === 404 && code === 'RESOURCE_DOES_NOT_EXIST') return { is: 'gone' };
      const found = isRecord(answer.body) ? answer.body.model_version : undefined;
      if (answer.status !== 200 || !isRecord(found) || String(found.version) !== version || found.name !== name) {
        throw new RegistryFailure('broken', `${said}, which is not a model version`);
      }
      const tags: any[] = Array.isArray(found.tags) ? found.tags : [];
      const [error, waiting] = [keys.error, keys.waiting].map((key) => tags.find((tag) => tag?.key === key)?.value);
      return {
        is: 'there',
        ...createdOf(found),
        // Registries that know no status have versions that are ready.
        status: typeof found.status === 'string' ? found.status : 'READY',
        ...(error !== undefined && { error: oneLine(String(error)) }),
        ...(waiting !== undefined && { waiting: oneLine(String(waiting)) }),
      };
    },

    tag: async (model, version, key, value) => write('POST', 'model-versions/set-tag', model, { version, key, value }),
    untag: async (model, version, key) => write('DELETE', 'model-versions/delete-tag', model, { version, key }),
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
