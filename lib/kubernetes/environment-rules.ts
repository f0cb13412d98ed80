import { variableRules } from './metadata-rules';
import { Rule } from './rules';

/** Settings that a user gives as environment variables: they stand in the YAML. */
export function environmentRules(
  environment: Record<string, string> = {},
  instead = 'the prop secretEnvironment',
): Rule[] {
  const secrets = Object.entries(environment).map(([name, value]) => ({
    wrong:
      /(PASSWORD|SECRET|TOKEN|PASSPHRASE|_KEY|CONNECTION_STRING)$/i.test(name) || /:\/\/[^/\s]*:[^/\s]*@/.test(value),
    given: `environment has ${name}`,
    want: `expected no secrets there, as they would stand in the YAML; use ${instead}`,
  }));
  return [...variableRules('environment', environment), ...secrets];
}
