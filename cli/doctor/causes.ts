import { Cause, Finding } from './finding';
import { dependsOn, samePart } from './part';

/** Order of findings: those of the parts that others need come first. */
const ORDER = ['credentials', 'postgres', 'minio', 'seaweedfs', 'set-up', 'migration', 'server', 'deployer', 'serving'];

/**
 * Keeps the causes. A symptom is a consequence if a part that its own part needs has an error, or if its own part has an
 * error that is a cause. Of several symptoms of one part, the first remains.
 */
export function causesOf(findings: readonly Finding[]): Cause[] {
  const causes: (Finding & { consequences: string[] })[] = [];
  const consequences: Finding[] = [];
  findings.forEach((finding, index) => {
    if (isConsequence(finding, index, findings)) consequences.push(finding);
    else causes.push({ ...finding, consequences: [] });
  });
  for (const each of consequences) {
    const cause = causes.find((one) => explains(one, each)) ?? causes.find(({ severity }) => severity === 'error');
    cause?.consequences.push(each.says);
  }
  return causes.sort((one, other) => rank(one) - rank(other));
}

function isConsequence(finding: Finding, index: number, all: readonly Finding[]): boolean {
  if (!finding.symptom) return false;
  return all.some((other, place) => {
    if (other === finding || other.severity !== 'error' || !explains(other, finding)) return false;
    const same = other.parts.some((part) => finding.parts.some((own) => samePart(part, own)));
    return !same || !other.symptom || place < index;
  });
}

function explains(cause: Finding, symptom: Finding): boolean {
  return symptom.parts.some((part) => cause.parts.some((other) => samePart(part, other) || dependsOn(part, other)));
}

function rank({ severity, parts }: Finding): number {
  const role = parts[0]?.role ?? '';
  const place = ORDER.findIndex((each) => role === each || role.endsWith(`-${each}`));
  return (severity === 'error' ? 0 : 100) + (place < 0 ? ORDER.length : place);
}
