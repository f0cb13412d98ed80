// Writes crds/*.yaml from an operator's own CRD. It keeps names, types and limits, and removes descriptions and versions
// that are no longer stored. The annotations name the release of the CRD. `cdk8s import` reads servicemonitors.yaml. The
// tests use httproutes.yaml, which is from the first Gateway API with `timeouts` in its standard channel. The definition of
// CloudNativePG's Cluster has 460 kB, and the one of PrometheusRule a pattern that JavaScript cannot read: only the fields of
// the arguments are kept, with everything below them.
//   node crds/trim.mjs <crd.yaml> [<field of spec> | <field>.<field> …] > crds/<name>.yaml
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

const prose = new Set(['description', 'x-kubernetes-map-type', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys']);

/** Below `properties` the keys are names of fields, and a field can be called "description". */
function trim(node, fieldNames = false) {
  if (Array.isArray(node)) return node.map((item) => trim(item));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => fieldNames || !prose.has(key))
      .map(([key, value]) => [key, trim(value, key === 'properties' && !fieldNames)]),
  );
}

/** Keeps the fields of these paths, or all fields if no path is given. A path has no element for a list. */
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
