import { SecretValue } from '../../lib';
import { Rule } from '../../lib/kubernetes/rules';
import { connectedVariableRules, secretEnvironmentRules, secretVariables } from '../../lib/kubernetes/secret-value';

const value = SecretValue.fromSecret('llm', 'key');
const broken = (rules: Rule[]) => rules.filter(({ wrong }) => wrong).map(({ given, want }) => `${given}; ${want}`);

test('a variable is a key of a Secret', () => {
  expect(secretVariables({ OPENAI_API_KEY: value })).toEqual([
    { variable: 'OPENAI_API_KEY', secretName: 'llm', key: 'key' },
  ]);
  expect(secretVariables()).toEqual([]);
});

describe('the names of variables', () => {
  test.each(['OPENAI_API_KEY', 'http_proxy', '_X', 'A1', 'A'.repeat(253)])('%s is accepted', (name) => {
    expect(broken(secretEnvironmentRules({ [name]: value }))).toEqual([]);
  });

  // A file with a dot before its name is skipped by the programs, and `path` of a volume is no name with a '/'.
  test.each(['', '1A', 'A B', 'A=B', '.A', '..', 'A/B', 'A-B', 'Ä', 'A'.repeat(254)])('%j is refused', (name) => {
    expect(broken(secretEnvironmentRules({ [name]: value }))).toEqual([
      `secretEnvironment has the variable '${name}'; expected letters, digits and '_', a letter first, at most 253, e.g. 'OPENAI_API_KEY'`,
    ]);
  });

  test('one that environment has too is refused', () => {
    expect(broken(secretEnvironmentRules({ A: value, B: value }, { B: '1', C: '1' }))).toEqual([
      'secretEnvironment and environment have B; expected it in one of the two',
    ]);
  });

  test.each(['PYTHONPATH', 'PYTHONHASHSEED', 'LD_PRELOAD', 'LANG', 'LC_ALL', 'TZ', 'MALLOC_ARENA_MAX'])(
    '%s is refused, as it takes effect only at the start of a process',
    (name) => {
      expect(broken(secretEnvironmentRules({ [name]: value }))).toEqual([
        expect.stringContaining(
          `secretEnvironment has ${name}; expected it in environment: the process reads its Secrets`,
        ),
      ]);
    },
  );
});

test.each(['', 'LLM', 'a_b', 'a/b', 'a'.repeat(254)])('refuses %j as the name of a Secret', (name) => {
  expect(broken(secretEnvironmentRules({ A: SecretValue.fromSecret(name, 'key') }))).toEqual([
    expect.stringContaining(`the name of the Secret of secretEnvironment.A is '${name}'; expected lower-case letters`),
  ]);
});

test('refuses a key that cannot be one, without showing it: it may be the secret itself', () => {
  const [message, ...others] = broken(secretEnvironmentRules({ A: SecretValue.fromSecret('llm', 'hunter2/abc=') }));
  expect(message).toBe(
    "the key of secretEnvironment.A is a text of 12 characters that cannot be a key; expected the name of a key of the Secret: letters, digits, '-', '_' and '.', e.g. 'key'",
  );
  expect(others).toEqual([]);
});

test.each([
  [undefined, 'key', 'SecretValue.fromSecret: name is undefined; expected a string'],
  ['llm', undefined, 'SecretValue.fromSecret: key is undefined; expected a string'],
])('refuses the name %s with the key %s', (name, key, message) => {
  expect(() => SecretValue.fromSecret(name as string, key as string)).toThrow(message);
});

describe('beside connections', () => {
  const connection = {
    environment: { AWS_DEFAULT_REGION: 'eu-west-1' },
    secretVariables: [{ variable: 'AWS_ACCESS_KEY_ID', secretName: 'bucket', key: 'id' }],
    egress: [],
  };

  test('a variable that a connection or the login sets is refused', () => {
    const login = [{ variable: 'SESSION_KEY', secretName: 'sessions', key: 'key' }];
    const given = { AWS_ACCESS_KEY_ID: value, AWS_DEFAULT_REGION: value, SESSION_KEY: value, OPENAI_API_KEY: value };
    expect(broken(connectedVariableRules(given, [connection], login))).toEqual([
      "secretEnvironment has AWS_ACCESS_KEY_ID; expected without it: the library sets it from the Secret 'bucket'",
      'secretEnvironment has AWS_DEFAULT_REGION; expected without it: the library sets it itself',
      "secretEnvironment has SESSION_KEY; expected without it: the library sets it from the Secret 'sessions'",
    ]);
  });

  test('without variables nothing is refused', () => {
    expect(broken(connectedVariableRules(undefined, [connection]))).toEqual([]);
  });
});
