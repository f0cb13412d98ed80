import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { Platform } from './platform';

/**
 * Every field of the YAML that the cluster does not keep exactly as written: a quantity that it rewrites, an empty list
 * that it drops, a value that a default replaces. A GitOps controller that compares literally shows such fields as
 * changed for ever, and `kubectl apply` prints "configured" each time.
 *
 * @param asked arguments with which kubectl prints the objects, or with a dry run what they would be
 */
export function rewritten(platform: Platform, ...asked: string[]): string[] {
  const command = asked.length > 0 ? asked : ['get'];
  const { items } = platform.namespace.json<{ items: any[] }>(...command, '--filename', platform.manifest);
  const id = ({ kind, metadata }: any) => `${kind}/${metadata.name}`;
  const found = new Map(items.map((item) => [id(item), item]));
  const objects = parseAllDocuments(readFileSync(platform.manifest, 'utf8')).map((document) => document.toJS());
  return objects.flatMap((object) => differences(id(object), object, found.get(id(object))));
}

function differences(path: string, wanted: unknown, found: unknown): string[] {
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length === found.length && wanted.length > 0) {
    return wanted.flatMap((value, index) => differences(`${path}[${index}]`, value, found[index]));
  }
  if (isObject(wanted) && isObject(found)) {
    return Object.entries(wanted).flatMap(([key, value]) => differences(`${path}.${key}`, value, found[key]));
  }
  const [before, after] = [wanted, found].map((value) => JSON.stringify(value));
  return before === after ? [] : [`${path}: ${before} became ${after}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
