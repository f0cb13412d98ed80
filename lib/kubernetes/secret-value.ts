import { Connection, SecretVariable } from './connection';
import { isDataKey } from './metadata-rules';
import { Rule, objectNameRule } from './rules';
import { checkInputs } from '../inputs/inputs';

/** One value of a Secret, never the value itself: that stays in the cluster. */
export class SecretValue {
  /**
   * An existing Secret in the namespace of the pods. Without the Secret or the key, the pods do not start: they wait, and
   * `kubectl describe pod` names what is missing.
   *
   * @param name name of the Secret, e.g. `llm`
   * @param key key in the Secret, e.g. `key`
   */
  public static fromSecret(name: string, key: string): SecretValue {
    checkInputs('SecretValue.fromSecret', { name, key });
    return new SecretValue(name, key);
  }

  private constructor(
    /** @internal */ public readonly _secretName: string,
    /** @internal */ public readonly _key: string,
  ) {}
}

export type SecretEnvironment = Record<string, SecretValue>;

/** As files, which the programs of the library read into their environment at their start. */
export function secretVariables(secretEnvironment: SecretEnvironment = {}): SecretVariable[] {
  return Object.entries(secretEnvironment).map(([variable, { _secretName, _key }]) => ({
    variable,
    secretName: _secretName,
    key: _key,
  }));
}

/** What Python, the loader and the C library read while the process starts, before it reads the files. */
const READ_AT_START = /^(PYTHON\w*|LD_\w+|LC_\w+|LANG|LANGUAGE|TZ|MALLOC_\w+|GLIBC_TUNABLES)$/;

/**
 * What is wrong with them, apart from names that the library reserves.
 *
 * @param asFiles whether the process reads them as files, after its start
 */
export function secretEnvironmentRules(
  secretEnvironment: SecretEnvironment = {},
  environment: Record<string, string> = {},
  asFiles = true,
): Rule[] {
  return Object.entries(secretEnvironment).flatMap(([name, { _secretName, _key }]) => [
    {
      wrong: !/^[a-zA-Z_]\w{0,252}$/.test(name),
      given: `secretEnvironment has the variable '${name}'`,
      want: "expected letters, digits and '_', a letter first, at most 253, e.g. 'OPENAI_API_KEY'",
    },
    {
      wrong: name in environment,
      given: `secretEnvironment and environment have ${name}`,
      want: 'expected it in one of the two',
    },
    {
      wrong: asFiles && READ_AT_START.test(name),
      given: `secretEnvironment has ${name}`,
      want: 'expected it in environment: the process reads its Secrets after its start, which is too late for this variable',
    },
    objectNameRule(`the name of the Secret of secretEnvironment.${name}`, _secretName, 'llm'),
    {
      wrong: !isDataKey(_key),
      // It may be the secret itself, by mistake.
      given: `the key of secretEnvironment.${name} is a text of ${_key.length} characters that cannot be a key`,
      want: "expected the name of a key of the Secret: letters, digits, '-', '_' and '.', e.g. 'key'",
    },
  ]);
}

/** What the pod has from its connections already: two files of one name would be refused by Kubernetes. */
export function connectedVariableRules(
  variables: Record<string, unknown> = {},
  connections: Connection[],
  more: SecretVariable[] = [],
  prop = 'secretEnvironment',
): Rule[] {
  const secrets = [...connections.flatMap((connection) => connection.secretVariables ?? []), ...more];
  const sources = new Map([
    ...connections.flatMap(({ environment }) => Object.keys(environment).map((name) => [name, 'itself'] as const)),
    ...secrets.map(({ variable, secretName }) => [variable, `from the Secret '${secretName}'`] as const),
  ]);
  return Object.keys(variables).map((name) => ({
    wrong: sources.has(name),
    given: `${prop} has ${name}`,
    want: `expected without it: the library sets it ${sources.get(name)}`,
  }));
}
