import { join } from 'path';
import * as ts from 'typescript';
import { ROOT } from '../support/run';

/** Props and parameters by name, each with its type: `string`, `Size?`, `NetworkPeer[]?`, `{string}`. */
export type Fields = Record<string, string>;

/** Everything that a user can pass to the public API. */
export interface PublicInputs {
  /** Interfaces of props, by name. */
  readonly structs: Record<string, Fields>;
  /** Constructors (`new X`), static methods (`X.m`) and methods (`X#m`), with their parameters. */
  readonly calls: Record<string, Fields>;
  /** Members that identify an object of a class, even one from another copy of its package. */
  readonly classes: Record<string, string[]>;
  readonly enums: Record<string, string[]>;
}

/** Fields that cdk8s-plus-27 lacks. */
const SINCE_KUBERNETES_129 = { matchLabelKeys: 'string[]?', mismatchLabelKeys: 'string[]?' };

/** Reads the inputs from the types that a module exports. */
export function publicInputs(file = join(ROOT, 'lib/index.ts')): PublicInputs {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    ROOT,
  );
  const program = ts.createProgram([file], { ...options, types: [] });
  const checker = program.getTypeChecker();
  const found: PublicInputs = { structs: {}, calls: {}, classes: {}, enums: {} };

  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)) {
    // eslint-disable-next-line no-bitwise -- how the compiler's flags are read
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations?.[0];
    if (!declaration || hidden(declaration)) continue;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    if (ts.isInterfaceDeclaration(declaration)) {
      if (isStruct(type)) typeOf(type);
      else methods(symbol.name, type);
    }
    if (!ts.isClassDeclaration(declaration)) continue;
    const [constructor] = declaration.members.filter(ts.isConstructorDeclaration);
    // eslint-disable-next-line no-bitwise
    const abstract = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract;
    if (constructor && !hidden(constructor) && !abstract) parameters(`new ${symbol.name}`, constructor);
    methods(symbol.name, type);
    for (const member of checker.getTypeOfSymbol(symbol).getProperties()) {
      const method = member.valueDeclaration;
      if (method && ts.isMethodDeclaration(method) && fromHere(method)) {
        parameters(`${symbol.name}.${member.name}`, method);
      }
    }
  }
  Object.assign(found.structs.PodAffinityTerm ?? {}, SINCE_KUBERNETES_129);
  return sorted(found);

  function methods(name: string, type: ts.Type): void {
    for (const member of type.getProperties()) {
      const method = member.valueDeclaration;
      if (!method || !ts.isMethodDeclaration(method) || hidden(method) || !fromHere(method)) continue;
      // The methods of a base class are listed under the base class, which may be one that is not exported.
      const owner = ts.isClassDeclaration(method.parent) ? method.parent.name!.text : name;
      parameters(`${owner}#${member.name}`, method);
    }
  }

  function parameters(call: string, declaration: ts.SignatureDeclaration): void {
    if (hidden(declaration) || declaration.parameters.length === 0) return;
    found.calls[call] = Object.fromEntries(
      declaration.parameters.map((parameter) => [
        parameter.name.getText(),
        described(checker.getTypeAtLocation(parameter), !!parameter.questionToken || !!parameter.initializer),
      ]),
    );
  }

  function described(type: ts.Type, optional: boolean): string {
    return `${typeOf(checker.getNonNullableType(type))}${optional ? '?' : ''}`;
  }

  function typeOf(type: ts.Type): string {
    const text = checker.typeToString(type);
    if (['string', 'number', 'boolean'].includes(text)) return text;
    if (checker.isArrayType(type)) return `${typeOf(checker.getTypeArguments(type as ts.TypeReference)[0])}[]`;
    const values = type.getStringIndexType();
    if (values) return `{${typeOf(values)}}`;
    const { symbol } = type;
    const declaration = symbol?.declarations?.[0];
    if (!declaration) throw new Error(`no rule for the type ${text}`);
    if (ts.isEnumDeclaration(declaration)) {
      found.enums[symbol.name] = declaration.members.map((member) => String(checker.getConstantValue(member)));
    } else if (isStruct(type)) {
      if (found.structs[symbol.name]) return symbol.name;
      const fields: Fields = (found.structs[symbol.name] = {});
      for (const member of type.getProperties()) {
        const signature = member.valueDeclaration as ts.PropertySignature;
        fields[member.name] = described(checker.getTypeOfSymbol(member), !!signature.questionToken);
      }
    } else {
      found.classes[symbol.name] = type
        .getProperties()
        .filter(({ valueDeclaration: of }) => of && !isPrivate(of) && !('questionToken' in of && of.questionToken))
        .map(({ name }) => name)
        .filter((name) => name !== 'toString');
    }
    return symbol.name;
  }
}

/** True for an interface that has only data. */
function isStruct(type: ts.Type): boolean {
  const declaration = type.symbol?.declarations?.[0];
  if (!declaration || !ts.isInterfaceDeclaration(declaration)) return false;
  return (
    type.getProperties().every(({ valueDeclaration }) => ts.isPropertySignature(valueDeclaration!)) &&
    !/^I[A-Z]/.test(type.symbol.name)
  );
}

function isPrivate(declaration: ts.Declaration): boolean {
  // eslint-disable-next-line no-bitwise -- how the compiler's flags are read
  return Boolean(ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));
}

function hidden(declaration: ts.Declaration): boolean {
  return isPrivate(declaration) || ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal');
}

function fromHere(declaration: ts.Declaration): boolean {
  return !declaration.getSourceFile().fileName.includes('/node_modules/');
}

function sorted({ structs, calls, classes, enums }: PublicInputs): PublicInputs {
  const byName = <T>(table: Record<string, T>) =>
    Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { structs: byName(structs), calls: byName(calls), classes: byName(classes), enums: byName(enums) };
}
