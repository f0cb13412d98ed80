import { Rule } from '../kubernetes/rules';

export function databaseNameRule(name: string): Rule {
  return {
    wrong: !/^[a-z_][a-z0-9_]{0,62}$/.test(name) || ['postgres', 'template0', 'template1'].includes(name),
    given: `the database's name is '${name}'`,
    want: "expected lower-case letters, digits and '_', a letter first, at most 63, none of Postgres' own, e.g. 'mlflow'",
  };
}

/** Name of a database that the library does not create: any name that can be part of the name of a dump's file. */
export function existingDatabaseNameRule(name: string): Rule {
  return {
    wrong: !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(name) || ['template0', 'template1'].includes(name),
    given: `databaseName is '${name}'`,
    want: "expected letters, digits, '_', '-' and '.', at most 63, and no template, e.g. 'mlflow'",
  };
}
