import type { Wanted } from './decide';
import { versionNumber } from './state';
import type { DeployerTarget } from './targets';

/** Names a model among those of all workspaces: no name of a model has a '/'. */
export const modelKey = ({ workspace, model }: Pick<DeployerTarget, 'workspace' | 'model'>) =>
  workspace === undefined ? model : `${workspace}/${model}`;

/** The other way round. */
export function placeOf(key: string): { readonly workspace?: string; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { workspace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** What is kept of a registered model. */
export interface Model {
  readonly aliases: ReadonlyMap<string, string>;
  /** By stage in lower case. */
  readonly stages: ReadonlyMap<string, string>;
  /** When a version was made, for the few that the list describes. */
  readonly created: ReadonlyMap<string, number>;
}

/** By `modelKey`. */
export type Models = Map<string, Model>;

/** A page of registered-models/search; undefined when it is none. `{}` is a page: MLflow leaves out empty lists. */
export function readPage(
  body: any,
  names: ReadonlySet<string>,
): { readonly models: Models; readonly next: string } | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const { registered_models: list = [], next_page_token: next = '' } = body;
  if (!Array.isArray(list) || typeof next !== 'string' || 'error_code' in body) return undefined;
  const models: Models = new Map();
  for (const each of list) {
    if (typeof each?.name !== 'string') return undefined;
    const model = names.has(each.name) ? modelOf(each) : emptyModel;
    if (!model) return undefined;
    if (model !== emptyModel) models.set(each.name, model);
  }
  return { models, next };
}

const emptyModel: Model = { aliases: new Map(), stages: new Map(), created: new Map() };

/** A registered model; undefined when it is none. */
export function modelOf({ aliases = [], latest_versions: versions = [] }: any): Model | undefined {
  if (!Array.isArray(aliases) || !Array.isArray(versions)) return undefined;
  const isRight = ({ version }: any) => versionNumber.test(String(version));
  if (!aliases.every((each) => typeof each?.alias === 'string' && isRight(each))) return undefined;
  if (!versions.every((each) => typeof each === 'object' && each !== null && isRight(each))) return undefined;
  return {
    aliases: new Map(aliases.map(({ alias, version }) => [alias, String(version)])),
    stages: new Map(versions.map((each) => [String(each.current_stage).toLowerCase(), String(each.version)])),
    created: new Map(
      versions
        .map((each): [string, number | undefined] => [String(each.version), createdOf(each).created])
        .filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
  };
}

/** The answer to the question which version an alias is; undefined when it is none. */
export function versionOfAlias(body: any, name: string, alias: string): Model | undefined {
  const found = body?.model_version;
  if (typeof found !== 'object' || found === null || found.name !== name) return undefined;
  return modelOf({ aliases: [{ alias, version: found.version }], latest_versions: [found] });
}

/** The time is a number in some answers and its digits in others. */
export function createdOf({ creation_timestamp: time }: any): { readonly created?: number } {
  const created = Number(time ?? NaN);
  return Number.isSafeInteger(created) ? { created } : {};
}

export function wantedOf(target: DeployerTarget, models: Models): Wanted {
  const model = models.get(modelKey(target));
  if (!model) return { is: 'unregistered' };
  const version =
    target.alias === undefined ? model.stages.get(target.stage!.toLowerCase()) : model.aliases.get(target.alias);
  if (version === undefined) return { is: 'unset' };
  const created = model.created.get(version);
  return { is: 'version', version, ...(created !== undefined && { created }) };
}
