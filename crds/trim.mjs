// Makes crds/*.yaml, the input of `cdk8s import`, from an operator's own CRD: names, types and limits stay, prose goes.
//   node crds/trim.mjs <crd.yaml> > crds/<name>.yaml
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

const prose = new Set(['description', 'x-kubernetes-map-type', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys']);

/** Below `properties` the keys are field names, where a field may well be called "description". */
function trim(node, fieldNames = false) {
  if (Array.isArray(node)) return node.map((item) => trim(item));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => fieldNames || !prose.has(key) || typeof value === 'object')
      .map(([key, value]) => [key, trim(value, key === 'properties' && !fieldNames)]),
  );
}

const crd = parse(readFileSync(process.argv[2], 'utf8'));
const { group, names, scope, versions } = crd.spec;
process.stdout.write(
  stringify(
    {
      apiVersion: crd.apiVersion,
      kind: crd.kind,
      metadata: { name: crd.metadata.name },
      spec: {
        group,
        names: { kind: names.kind, plural: names.plural },
        scope,
        versions: versions.map(({ name, served, storage, schema }) => ({
          name,
          served,
          storage,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              required: schema.openAPIV3Schema.required,
              properties: {
                metadata: { type: 'object' },
                spec: trim(schema.openAPIV3Schema.properties.spec),
              },
            },
          },
        })),
      },
    },
    { lineWidth: 120, aliasDuplicateObjects: false },
  ),
);
