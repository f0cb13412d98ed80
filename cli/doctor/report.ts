import { Cause } from './finding';
import { Snapshot } from './snapshot';

/** The findings for a person. */
export function inWords(snapshot: Snapshot, causes: readonly Cause[]): string {
  const found = causes.map(paragraph);
  const seen =
    snapshot.notSeen.length > 0 ? [`Not examined:\n${snapshot.notSeen.map((each) => `  ${each}`).join('\n')}`] : [];
  return [summary(snapshot, causes), ...found, ...seen].join('\n\n');
}

function summary({ namespace }: Snapshot, causes: readonly Cause[]): string {
  const errors = causes.filter(({ severity }) => severity === 'error').length;
  const warnings = causes.length - errors;
  if (causes.length === 0) return `The platform in the namespace ${namespace}: nothing is wrong.`;
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const parts = [errors && count(errors, 'error'), warnings && count(warnings, 'warning')].filter(Boolean);
  return `The platform in the namespace ${namespace}: ${parts.join(' and ')}.`;
}

function paragraph({ severity, says, todo, namespace, consequences }: Cause): string {
  return [
    `${severity.toUpperCase()} in ${namespace}: ${says}`,
    `  What to do: ${todo}`,
    ...consequences.map((each) => `  A consequence: ${each}`),
  ].join('\n');
}

/** The findings for scripts. */
export function inJson({ namespace, notSeen }: Snapshot, causes: readonly Cause[]): string {
  const findings = causes.map(({ check, severity, namespace: at, object, says, todo, consequences }) => ({
    ...{ check, severity, namespace: at, object, says, todo, consequences },
  }));
  return JSON.stringify({ namespace, findings, notExamined: notSeen }, null, 2);
}
