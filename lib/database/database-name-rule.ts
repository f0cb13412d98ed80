import { Rule } from '../kubernetes/rules';

export function databaseNameRule(name: string): Rule {
  return {
    wrong: !/^[a-z_][a-z0-9_]{0,62}$/.test(name) || ['postgres', 'template0', 'template1'].includes(name),
    given: `the database's name is '${name}'`,
    want: "expected lower-case letters, digits and '_', a letter first, at most 63, none of Postgres' own, e.g. 'mlflow'",
  };
}
