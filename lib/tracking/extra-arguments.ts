import { SERVER_VARIABLES } from './reserved-variables';
import { Rule } from '../kubernetes/rules';

/** Options of `mlflow server` whose variable has another name, or that have no variable. */
const VARIABLES: Record<string, string> = {
  '--allowed-hosts': 'MLFLOW_SERVER_ALLOWED_HOSTS',
  '--app-name': 'MLFLOW_AUTH_CONFIG_PATH',
  '--cors-allowed-origins': 'MLFLOW_SERVER_CORS_ALLOWED_ORIGINS',
  '--dev': 'MLFLOW_UVICORN_OPTS',
  '--disable-security-middleware': 'MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE',
  '--no-serve-artifacts': 'MLFLOW_SERVE_ARTIFACTS',
};
/** Short options of `mlflow server`, which may have their value without a space. */
const SHORT: Record<string, string> = { '-h': '--host', '-p': '--port', '-w': '--workers' };

const RESERVED = new Map(SERVER_VARIABLES.flatMap(([names, instead]) => names.map((name) => [name, instead] as const)));

/** What is wrong with options of the user for `mlflow server`, most of all those that the library sets. */
export function extraArgumentRules(given: string[] = []): Rule[] {
  return given.flatMap((argument, index) => {
    const isSecret = /:\/\/[^/\s]*:[^/\s]*@/.test(argument);
    const what = `extraArguments[${index}] is ${isSecret ? 'a URL with a password' : `'${argument}'`}`;
    const isOption = /^-[^\d]/.test(argument);
    const option = SHORT[argument.slice(0, 2)] ?? argument.split('=')[0];
    const variable = VARIABLES[option] ?? `MLFLOW_${option.slice(2).replace(/-/g, '_').toUpperCase()}`;
    const instead = isOption ? RESERVED.get(variable) : undefined;
    return [
      { wrong: instead !== undefined, given: what, want: instead ?? '' },
      {
        wrong: isOption && instead === undefined && !/^--[a-z][-a-z0-9]*(=.*)?$/s.test(argument),
        given: what,
        want: "expected an option of 'mlflow server' in its long form, e.g. '--x-frame-options'",
      },
      {
        wrong: ['--help', '--version'].includes(option),
        given: what,
        want: 'expected without it: the server would print a text and exit',
      },
      {
        wrong: index === 0 && !isOption,
        given: what,
        want: "expected an option first, e.g. '--x-frame-options', and its value after it",
      },
      {
        wrong: isSecret,
        given: what,
        want: 'expected no secrets there, as they would stand in the YAML; use the prop secretEnvironment',
      },
    ];
  });
}
