// The plan that the constructs write and the program carries out. Nothing is imported here, so that the library
// may take the types from this file without taking the program.

export interface CredentialsPlan {
  /** At least one Secret, each name once. */
  readonly secrets: readonly PlannedSecret[];
  /** Users of servers, whom no more than their names tell apart: there may be a thousand. */
  readonly logins?: readonly PlannedLogins[];
}

/** A Secret `<prefix><user>-login` for each user of one server, and one Secret that tells the server all of them. */
export interface PlannedLogins {
  /** Of the names of the users' Secrets. */
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Name of the Secret with an entry `<role>.<user>` for each of them, which the server mounts. */
  readonly file: string;
  /** What an entry is: a line for nginx, or the password itself. */
  readonly form: 'htpasswd' | 'password';
  /** Of each `<role>.<user>`: the copies of its Secret, as `namespace/name`. */
  readonly users: Readonly<Record<string, readonly string[]>>;
}

export interface PlannedSecret {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** @default Opaque */
  readonly type?: string;
  /** What every key is made of when the Secret is created. */
  readonly keys: Readonly<Record<string, PlannedKey>>;
  /** Keys that an existing Secret may lack, for example one that its owner made by hand. */
  readonly optional?: readonly string[];
  /** Where the same values lie too; the Job may get and create Secrets there. */
  readonly copies?: readonly PlannedCopy[];
}

export interface PlannedCopy {
  readonly namespace: string;
  readonly name: string;
}

export type PlannedKey = LiteralKey | RandomKey | HtpasswdKey;

/** A value that is no secret, such as a user name: the plan lies in a ConfigMap. */
export interface LiteralKey {
  readonly value: string;
}

export type RandomGenerator = 'password' | 'access-key' | 'fernet' | 'token';

export interface RandomKey {
  readonly generate: RandomGenerator;
}

/** One htpasswd line made of two other keys of the same Secret. */
export interface HtpasswdKey {
  readonly generate: 'htpasswd';
  /** The key that holds the user's name. */
  readonly username: string;
  /** The key that holds the user's password; it has to be a generated one. */
  readonly password: string;
}

/** Everything that is wrong with a plan, a line each. */
export class PlanError extends Error {
  constructor(public readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'PlanError';
  }
}

const randomGenerators: readonly string[] = ['password', 'access-key', 'fernet', 'token'] satisfies RandomGenerator[];
const generators = [...randomGenerators, 'htpasswd'];

const secretName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const keyName = /^(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}$/;

/** The plan, if `input` is one; otherwise a PlanError that names every Secret and key at fault, but no literal value. */
export function validatePlan(input: unknown): CredentialsPlan {
  const problems: string[] = [];
  if (!isRecord(input) || !Array.isArray(input.secrets) || input.secrets.length === 0) {
    const given = isRecord(input) ? `"secrets" is ${describe(input.secrets)}` : `it is ${describe(input)}`;
    throw new PlanError([`plan: ${given}; expected {"secrets": [at least one Secret]}`]);
  }
  unknownFields('plan', input, ['secrets', 'logins'], problems);
  checkLogins(input.logins, problems);
  const seen = new Set<unknown>();
  input.secrets.forEach((secret: unknown, index) => {
    if (!isRecord(secret)) {
      problems.push(`secrets[${index}]: is ${describe(secret)}; expected an object with name, labels and keys`);
      return;
    }
    const where = typeof secret.name === 'string' ? `Secret ${JSON.stringify(secret.name)}` : `secrets[${index}]`;
    if (seen.has(secret.name)) problems.push(`${where}: is planned twice; expected one entry with all its keys`);
    seen.add(secret.name);
    checkSecret(where, secret, problems);
  });
  if (problems.length > 0) throw new PlanError(problems);
  return input as unknown as CredentialsPlan;
}

/** A user's role and name, and the workspace in which its login is valid. @internal */
export const userKey =
  /^(program|reader|trainer|serving|deployer)\.([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)(?:_[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)?$/;

function checkLogins(given: unknown, problems: string[]): void {
  if (given === undefined) return;
  const isName = (name: unknown) => typeof name === 'string' && secretName.test(name);
  const isCopy = (copy: unknown) =>
    typeof copy === 'string' && copy.split('/').length === 2 && copy.split('/').every(isName);
  const isUsers = (users: unknown) =>
    isRecord(users) &&
    Object.entries(users).every(([key, copies]) => userKey.test(key) && Array.isArray(copies) && copies.every(isCopy));
  (Array.isArray(given) ? given : [given]).forEach((logins: unknown, index) => {
    const where = `logins[${index}]`;
    if (!isRecord(logins)) {
      problems.push(`${where}: is ${describe(logins)}; expected an object with prefix, labels, file, form and users`);
      return;
    }
    unknownFields(where, logins, ['prefix', 'labels', 'annotations', 'file', 'form', 'users'], problems);
    checkStrings(where, 'labels', logins.labels, problems);
    if (logins.annotations !== undefined) checkStrings(where, 'annotations', logins.annotations, problems);
    if (!isName(`${logins.prefix}x`)) {
      problems.push(`${where}: "prefix" is ${describe(logins.prefix)}; expected the start of a DNS name`);
    }
    if (!isName(logins.file)) {
      problems.push(`${where}: "file" is ${describe(logins.file)}; expected a lower-case DNS name`);
    }
    if (logins.form !== 'htpasswd' && logins.form !== 'password') {
      problems.push(`${where}: "form" is ${describe(logins.form)}; expected "htpasswd" or "password"`);
    }
    if (!isUsers(logins.users)) {
      problems.push(
        `${where}: "users" is ${describe(logins.users)}; expected {"<role>.<user>": ["namespace/name", …]}`,
      );
    }
  });
}

function checkSecret(where: string, secret: Record<string, unknown>, problems: string[]): void {
  unknownFields(where, secret, ['name', 'labels', 'annotations', 'type', 'keys', 'optional', 'copies'], problems);
  checkCopies(where, secret.copies, problems);
  if (typeof secret.name !== 'string' || !secretName.test(secret.name)) {
    problems.push(`${where}: "name" is ${describe(secret.name)}; expected a lower-case DNS name`);
  }
  checkStrings(where, 'labels', secret.labels, problems);
  if (secret.annotations !== undefined) checkStrings(where, 'annotations', secret.annotations, problems);
  if (secret.type !== undefined && (typeof secret.type !== 'string' || secret.type === '')) {
    problems.push(`${where}: "type" is ${describe(secret.type)}; expected a Secret type such as "Opaque"`);
  }
  const keys = secret.keys;
  if (!isRecord(keys) || Object.keys(keys).length === 0) {
    problems.push(`${where}: "keys" is ${describe(keys)}; expected an object with at least one key`);
    return;
  }
  const optional = checkOptional(where, secret.optional, keys, problems);
  for (const [name, key] of Object.entries(keys)) {
    const at = `${where}, key ${JSON.stringify(name)}`;
    if (!keyName.test(name)) {
      problems.push(`${at}: is no key of a Secret; expected letters, digits, "-", "_", "."`);
    }
    checkKey(at, key, keys, optional.includes(name), problems);
  }
}

function checkCopies(where: string, given: unknown, problems: string[]): void {
  if (given === undefined) return;
  const isCopy = (copy: unknown) =>
    isRecord(copy) &&
    Object.keys(copy).sort().join() === 'name,namespace' &&
    [copy.name, copy.namespace].every((name) => typeof name === 'string' && secretName.test(name));
  if (Array.isArray(given) && given.every(isCopy)) return;
  problems.push(`${where}: "copies" is ${describe(given)}; expected a list of {"namespace": …, "name": …}`);
}

function checkOptional(where: string, given: unknown, keys: Record<string, unknown>, problems: string[]): string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.some((name) => typeof name !== 'string')) {
    problems.push(`${where}: "optional" is ${describe(given)}; expected a list of names of its keys`);
    return [];
  }
  for (const name of given.filter((each) => !Object.hasOwn(keys, each))) {
    problems.push(`${where}: "optional" names ${JSON.stringify(name)}; expected one of ${list(keys)}`);
  }
  return given;
}

function checkKey(
  at: string,
  key: unknown,
  keys: Record<string, unknown>,
  mayBeBlank: boolean,
  problems: string[],
): void {
  if (!isRecord(key) || Object.hasOwn(key, 'value') === Object.hasOwn(key, 'generate')) {
    const given = isRecord(key) ? `an object with ${list(key) || 'nothing in it'}` : describe(key);
    problems.push(`${at}: is ${given}; expected {"value": …} or {"generate": …}`);
  } else if (Object.hasOwn(key, 'value')) {
    unknownFields(at, key, ['value'], problems);
    if (typeof key.value !== 'string') {
      problems.push(`${at}: "value" is ${describe(key.value, false)}; expected a string`);
    } else if (key.value.trim() === '' && !mayBeBlank) {
      problems.push(`${at}: "value" is blank; expected some text, or the key's name in "optional"`);
    }
  } else if (key.generate === 'htpasswd') {
    unknownFields(at, key, ['generate', 'username', 'password'], problems);
    checkHtpasswd(at, key, keys, problems);
  } else {
    unknownFields(at, key, ['generate'], problems);
    if (!randomGenerators.includes(key.generate as string)) {
      problems.push(`${at}: "generate" is ${describe(key.generate)}; expected one of ${generators.join(', ')}`);
    }
  }
}

function checkHtpasswd(at: string, key: Record<string, unknown>, keys: Record<string, unknown>, problems: string[]) {
  const find = (field: string) => {
    const name = key[field];
    const found = typeof name === 'string' && Object.hasOwn(keys, name) ? keys[name] : undefined;
    return isRecord(found) ? found : undefined;
  };
  const username = find('username');
  const literal = username?.value;
  if (!username || username.generate === 'htpasswd') {
    problems.push(`${at}: "username" is ${describe(key.username)}; expected the key that holds the user's name`);
  } else if (literal !== undefined && (typeof literal !== 'string' || !/^[^:#\s][^:\s]*$/.test(literal))) {
    problems.push(`${at}: "username" refers to a value that is no htpasswd name; expected one without ":" or spaces`);
  }
  // A password in the plan could be read by every reader of the ConfigMap.
  if (!randomGenerators.includes(find('password')?.generate as string)) {
    problems.push(`${at}: "password" is ${describe(key.password)}; expected a key with {"generate": "password"}`);
  }
}

function checkStrings(where: string, field: string, given: unknown, problems: string[]): void {
  if (isRecord(given) && Object.values(given).every((value) => typeof value === 'string')) return;
  problems.push(`${where}: "${field}" is ${describe(given)}; expected an object of strings`);
}

/** A misspelt field would otherwise be left out in silence. */
function unknownFields(where: string, given: Record<string, unknown>, known: string[], problems: string[]): void {
  for (const field of Object.keys(given).filter((name) => !known.includes(name))) {
    problems.push(`${where}: gives ${JSON.stringify(field)}; expected ${known.join(', ')}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was given, in a few words: text only where it cannot be a literal value. */
function describe(value: unknown, showText = true): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isRecord(value)) return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  return typeof value === 'string' && showText ? JSON.stringify(value.slice(0, 60)) : `a ${typeof value}`;
}

function list(keys: Record<string, unknown>): string {
  return Object.keys(keys)
    .map((key) => JSON.stringify(key))
    .join(', ');
}
