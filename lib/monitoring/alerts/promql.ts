import { Duration } from 'cdk8s';
import { seconds } from '../../kubernetes/durations';

/** A selector in braces. Values are names of objects; a list of several becomes one anchored pattern. */
export function selector(labels: Record<string, string | string[]>, more = ''): string {
  const matchers = Object.entries(labels).map(([label, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.length === 1
      ? `${label}="${values[0]}"`
      : `${label}=~"${values.map((each) => each.replace(/\./g, '\\\\.')).join('|')}"`;
  });
  return `{${[...matchers, ...(more ? [more] : [])].join(', ')}}`;
}

/** A duration as Prometheus writes it, e.g. `1d`, `90m`. */
export function time(duration: Duration): string {
  const given = seconds(duration);
  const [unit, size] = [['d', 86400] as const, ['h', 3600] as const, ['m', 60] as const].find(
    ([, length]) => given % length === 0,
  ) ?? ['s', 1];
  return `${given / size}${unit}`;
}
