import { join } from 'path';
import ts from 'typescript';
import { missingUnit } from './units';
import { ROOT } from '../support/run';

/** A member or a type of the public API, with its docstring. */
interface Documented {
  readonly at: string;
  readonly text: string;
  readonly tags: ts.JSDocTagInfo[];
}

/**
 * Lists what the docstrings of a module's exports lack, one line for each:
 * - every type and member that jsii makes public needs a sentence,
 * - every parameter needs a `@param` with a text,
 * - every optional prop needs a `@default`,
 * - every prop that is a quantity needs its unit (`missingUnit` has the rule).
 *
 * @param source text of the module instead of the file's, for a module that does not exist
 */
export function undocumented(file: string, source?: string): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    ROOT,
  );
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (path) => (path === file && source !== undefined ? source : readFile(path));
  host.fileExists = (path) => path === file || fileExists(path);
  const program = ts.createProgram([file], { ...options, types: [] }, host);
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
  const findings = new Set<string>();

  for (const exported of checker.getExportsOfModule(module)) {
    // eslint-disable-next-line no-bitwise -- how the compiler's flags are read
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (hidden(symbol)) continue;
    sentence(documented(symbol));
    const statics = checker.getTypeOfSymbol(symbol).getProperties();
    for (const member of [...checker.getDeclaredTypeOfSymbol(symbol).getProperties(), ...statics]) ofMember(member);
    for (const declaration of symbol.declarations ?? []) {
      if (!ts.isClassDeclaration(declaration)) continue;
      const constructor = declaration.members.find(ts.isConstructorDeclaration);
      if (constructor && !hiddenDeclaration(constructor)) parameters(`${symbol.name}()`, constructor);
    }
  }
  return [...findings].sort();

  function ofMember(member: ts.Symbol): void {
    const declaration = member.valueDeclaration;
    if (!declaration || hidden(member) || !fromHere(declaration)) return;
    const entry = documented(member);
    sentence(entry);
    if (ts.isMethodDeclaration(declaration) || ts.isMethodSignature(declaration)) parameters(entry.at, declaration);
    if (!ts.isPropertySignature(declaration)) return;
    const standard = entry.tags.find(({ name }) => name === 'default');
    const words = ts.displayPartsToString(standard?.text);
    if (declaration.questionToken && words === '') findings.add(`${entry.at}: optional, but no @default`);
    // The text of the type does not contain `undefined`.
    const type = declaration.type?.getText() ?? '';
    const missing = missingUnit(member.name, type, entry.text, words);
    if (missing) findings.add(`${entry.at}: ${missing}`);
  }

  // Comments of an interface or a base class are ignored: API.md does not repeat them.
  function parameters(at: string, declaration: ts.SignatureDeclaration): void {
    for (const parameter of declaration.parameters) {
      const words = ts.getJSDocParameterTags(parameter).map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '');
      if (!words.some((text) => text !== '')) findings.add(`${at}: no @param ${parameter.name.getText()}`);
    }
  }

  function sentence({ at, text }: Documented): void {
    const prose = text.replace(/`[^`]*`/g, '');
    if (text === '') findings.add(`${at}: no docstring`);
    else if (!/^[A-Z`'"]/.test(text) || !/\.\)?$/.test(text)) findings.add(`${at}: not a sentence: ${text}`);
    else if (!/[A-Za-z]{3}/.test(prose)) findings.add(`${at}: says no more than a name: ${text}`);
  }

  function documented(symbol: ts.Symbol): Documented {
    const owner = (symbol as { parent?: ts.Symbol }).parent;
    const inType = owner?.valueDeclaration?.kind !== ts.SyntaxKind.SourceFile;
    return {
      at: owner && inType ? `${owner.name}.${symbol.name}` : symbol.name,
      text: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
      tags: symbol.getJsDocTags(checker),
    };
  }
}

/** jsii leaves out what is private or `@internal`. */
function hidden(symbol: ts.Symbol): boolean {
  return symbol.name === 'prototype' || !symbol.declarations?.some((declaration) => !hiddenDeclaration(declaration));
}

function hiddenDeclaration(declaration: ts.Declaration): boolean {
  // eslint-disable-next-line no-bitwise -- how the compiler's flags are read
  const isPrivate = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private;
  return Boolean(isPrivate) || ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal');
}

/** Members from constructs and cdk8s are documented there. */
function fromHere(declaration: ts.Declaration): boolean {
  return !declaration.getSourceFile().fileName.includes('/node_modules/');
}
