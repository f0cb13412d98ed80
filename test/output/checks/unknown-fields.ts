import { existsSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { Manifest } from '../manifests';

const MODELS = join(__dirname, '..', '..', '..', 'node_modules', 'kubernetes-models');

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es5.d.ts'],
  types: [],
  strict: true,
  noEmit: true,
};

/** Each declaration is parsed only once, because several outputs have the same kinds. */
const host = ts.createCompilerHost(OPTIONS);
const parsed = new Map<string, ts.SourceFile | undefined>();
const { getSourceFile } = host;
host.getSourceFile = (file, ...options) => {
  if (!parsed.has(file)) parsed.set(file, getSourceFile(file, ...options));
  return parsed.get(file);
};

/** The declaration of a built-in kind in kubernetes-models, if it has one. */
export function modelFile({ apiVersion, kind }: Manifest): string | undefined {
  const file = join(MODELS, apiVersion, `${kind}.d.ts`);
  return existsSync(file) ? file : undefined;
}

/**
 * Fields that a built-in kind does not have. The validators of kubernetes-models accept them, and an API server drops them
 * with only a warning, so this check uses the declared TypeScript types.
 */
export function unknownFields(objects: Manifest[]): [Manifest, string][] {
  const files = [...new Set(objects.map((object) => modelFile(object)!))];
  const program = ts.createProgram(files, OPTIONS, host);
  const checker = program.getTypeChecker();

  const typeOf = (object: Manifest): ts.Type => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(modelFile(object)!)!)!;
    const symbol = checker.getExportsOfModule(module).find(({ name }) => name === `I${object.kind}`)!;
    return checker.getDeclaredTypeOfSymbol(symbol);
  };
  const unknown = (value: unknown, declared: ts.Type, path: string): string[] => {
    const type = checker.getNonNullableType(declared);
    if (Array.isArray(value)) {
      const item = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
      return item ? value.flatMap((each, index) => unknown(each, item, `${path}/${index}`)) : [];
    }
    if (typeof value !== 'object' || value === null || type.flags === ts.TypeFlags.Any) return [];
    const others = checker.getIndexTypeOfType(type, ts.IndexKind.String);
    return Object.entries(value).flatMap(([key, item]) => {
      const property = type.getProperty(key);
      if (property) return unknown(item, checker.getTypeOfSymbol(property), `${path}/${key}`);
      if (others) return unknown(item, others, `${path}/${key}`);
      const known = type.getProperties().map(({ name }) => name);
      return [`${path}/${key} is no field there; there are ${known.join(', ')}`];
    });
  };
  return objects.flatMap((object) =>
    unknown(object, typeOf(object), '').map((text): [Manifest, string] => [object, text]),
  );
}
