// Makes crds/*.yaml from an operator's own CRD: names, types and limits stay, prose goes, and so do versions that are no
// longer stored. The annotations say which release it is of. servicemonitors.yaml is the input of `cdk8s import`;
// httproutes.yaml, of the first Gateway API that has `timeouts` in its standard channel, is what the tests go by.
// Of CloudNativePG's Cluster, whose definition has 460 kB, only the fields that are named stay, each with all that is below it.
//   node crds/trim.mjs <crd.yaml> [<field of spec> | <field>.<field> …] > crds/<name>.yaml
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

const prose = new Set(['description', 'x-kubernetes-map-type', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys']);

/** Below `properties` the keys are field names, where a field may well be called "description". */
function trim(node, fieldNames = false) {
  if (Array.isArray(node)) return node.map((item) => trim(item));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => fieldNames || !prose.has(key))
      .map(([key, value]) => [key, trim(value, key === 'properties' && !fieldNames)]),
  );
}

/** The fields of these paths, or all. Lists are no part of a path. */
function keep(node, paths) {
  if (paths.length === 0) return node;
  if (node.items) return { ...node, items: keep(node.items, paths) };
  const names = [...new Set(paths.map(([name]) => name))];
  const properties = names.map((name) => {
    if (!node.properties?.[name]) throw new Error(`no field ${name}`);
    const below = paths.filter(([first, ...rest]) => first === name && rest.length > 0).map(([, ...rest]) => rest);
    return [name, keep(node.properties[name], below)];
  });
  const required = node.required?.filter((name) => names.includes(name));
  return { ...node, properties: Object.fromEntries(properties), ...(required?.length > 0 ? { required } : {}) };
}

const kept = process.argv.slice(3).map((path) => path.split('.'));
const crd = parse(readFileSync(process.argv[2], 'utf8'));
const { group, names, scope, versions } = crd.spec;
process.stdout.write(
  stringify(
    {
      apiVersion: crd.apiVersion,
      kind: crd.kind,
      metadata: { name: crd.metadata.name, annotations: crd.metadata.annotations },
      spec: {
        group,
        names: { kind: names.kind, plural: names.plural },
        scope,
        versions: versions
          .filter(({ storage }) => storage)
          .map(({ name, served, storage, schema }) => ({
            name,
            served,
            storage,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                required: schema.openAPIV3Schema.required,
                properties: {
                  metadata: { type: 'object' },
                  spec: keep(trim(schema.openAPIV3Schema.properties.spec), kept),
                },
              },
            },
          })),
      },
    },
    { lineWidth: 120, aliasDuplicateObjects: false },
  ),
);
