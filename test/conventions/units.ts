const time = /\b(millisecond|second|minute|hour|day)s?\b/i;
const bytes = /\b(byte|kibibyte|mebibyte|gibibyte|[KMGT]iB?)s?\b/i;
const percent = /%|\bpercent\b/i;
const cores = /\b(core|millicore|cpu)s?\b/i;

/** Units for the last word of a prop's name. Other words of the docstring are ignored. */
const byName: Record<string, RegExp> = {
  ...Object.fromEntries(
    ['timeout', 'interval', 'delay', 'period', 'duration', 'age', 'ttl', 'wait', 'retention', 'deadline'].map(
      (word) => [word, time],
    ),
  ),
  ...Object.fromEntries(['storage', 'memory', 'space', 'bytes', 'disk', 'volume'].map((word) => [word, bytes])),
  ...Object.fromEntries(['percent', 'utilization', 'ratio', 'share'].map((word) => [word, percent])),
  ...Object.fromEntries(['cpu', 'cores'].map((word) => [word, cores])),
  seconds: /\bseconds?\b/i,
  millis: /\bmilli/i,
  minutes: /\bminute/i,
  hours: /\bhour/i,
  days: /\bday/i,
};

/** Words for what a number can count or measure. */
const counted =
  /\b(pods?|servers?|processes|connections?|drives?|requests?|retries|attempts|copies|versions?|tcp port|user id|group id)\b/i;
const anyUnit = new RegExp([time, bytes, percent, cores, counted].map(({ source }) => source).join('|'), 'i');

/**
 * What is wrong with a quantity's docstring, if anything. The rule:
 * - The docstring of a number, or of a string whose name is that of an amount (`timeout`, `storage`, …), names a unit: one
 *   for the last word of the prop's name (`drainSeconds` → seconds), or else one of any list above.
 * - A `cdk8s.Size`, `Duration` or `Cpu` needs no unit, because its type has one, but a number in its `@default` does.
 */
export function missingUnit(name: string, type: string, text: string, standard: string): string | undefined {
  const prose = text.replace(/`[^`]*`/g, '');
  const last = name
    .split(/(?=[A-Z])/)
    .pop()!
    .toLowerCase();
  const wanted = byName[last];
  const isNumber = /^number\b/.test(type);
  if (/^(Size|Duration|Cpu)$/.test(type)) {
    const amount = /^-?\s*\d+(?!\d|\s*(?:[KMGT]iB?|milli|second|minute|hour|day|m\b|s\b))/i;
    return amount.test(standard) ? `a unit is missing in @default ${standard}` : undefined;
  }
  if (!isNumber && !(type === 'string' && wanted)) return undefined;
  return (wanted ?? anyUnit).test(prose) ? undefined : `a quantity without its unit: ${text}`;
}
