/**
 * True if this object may break its contract: an entry of the section `## [Unreleased]` has the word BREAKING and names it:
 * `- BREAKING: StatefulSet/mlflow-postgres has another selector; …`.
 */
export function announced(changelog: string, object: string): boolean {
  const [, unreleased = ''] = changelog.split(/^## \[Unreleased\].*$/im);
  const entries = unreleased.split(/^## /m)[0].split(/^(?=[-*] |#)/m);
  const named = new RegExp(`(?<![\\w./-])${object.replace(/[.]/g, '\\.')}(?![\\w-]|\\.\\w)`);
  return entries.some((entry) => /\bBREAKING\b/.test(entry) && named.test(entry));
}
