import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { ValidateFunction } from 'ajv';
import { Manifest, group, parseManifests, title } from '../manifests';
import { modelFile, unknownFields } from './unknown-fields';

const CRDS = join(__dirname, '..', '..', '..', 'crds');

/**
 * Every object has the fields of its kind, of the right types, and no others: built-in kinds by kubernetes-models,
 * all others by the custom resource definitions in a folder.
 */
export function schema(objects: Manifest[], crds: string = CRDS): string[] {
  const builtIn = objects.filter((object) => modelFile(object));
  const custom = objects.filter((object) => !modelFile(object));
  return [...builtInFindings(builtIn), ...customFindings(custom, crds)];
}

function builtInFindings(objects: Manifest[]): string[] {
  if (objects.length === 0) return [];
  const output = execFileSync(process.execPath, [join(__dirname, 'kubernetes-models.mjs')], {
    input: JSON.stringify(objects),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return [
    ...JSON.parse(output).map(([index, message]: [number, string]) => `${title(objects[index])}: ${message}`),
    ...unknownFields(objects).map(([object, message]) => `${title(object)}: ${message}`),
  ];
}

function customFindings(objects: Manifest[], crds: string): string[] {
  if (objects.length === 0) return [];
  const definitions = readDefinitions(crds);
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const compiled = new Map<object, ValidateFunction>();
  return objects.flatMap((object) => {
    const definition = definitions.find(({ spec }) => spec.group === group(object) && spec.names.kind === object.kind);
    const version = definition?.spec.versions.find(
      ({ name }: any) => object.apiVersion === `${definition.spec.group}/${name}`,
    );
    if (!version) return [`${title(object)}: no schema for ${object.apiVersion} ${object.kind} in ${crds}`];
    const validate = compiled.get(version) ?? ajv.compile(strict(version.schema.openAPIV3Schema, true));
    compiled.set(version, validate);
    validate(object);
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${title(object)}: ${instancePath} ${message} ${params.additionalProperty ?? params.allowedValues ?? ''}`.trim(),
    );
  });
}

function readDefinitions(folder: string): Manifest[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file))
    .flatMap((file) => parseManifests(readFileSync(join(folder, file), 'utf8')))
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
}

/** A structural schema as JSON Schema in which an unknown field is an error, as the API server would prune it. */
function strict(node: any, isRoot = false): any {
  if (Array.isArray(node)) return node.map((item) => strict(item));
  if (typeof node !== 'object' || node === null) return node;
  const { properties, items, additionalProperties, ...rest } = node;
  const result: any = { ...rest };
  if (items) result.items = strict(items);
  if (additionalProperties) result.additionalProperties = strict(additionalProperties);
  if (properties) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, strict(value)]));
    // The definition does not contain the fields that every object has.
    if (isRoot) Object.assign(result.properties, { apiVersion: {}, kind: {}, metadata: { type: 'object' } });
    if (!additionalProperties && !node['x-kubernetes-preserve-unknown-fields']) result.additionalProperties = false;
  }
  if (node['x-kubernetes-int-or-string']) result.type = ['integer', 'string'];
  return result;
}
