import { Duration } from 'cdk8s';
import { Rule, shownRule } from './rules';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
/** Minute, hour, day of the month, month, day of the week. */
const FIELDS: [least: number, most: number, names: string[]][] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, MONTHS],
  [0, 6, DAYS],
];
const MACROS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** A schedule that Kubernetes accepts. It is stricter than many crons: a Sunday is 0 and never 7. */
export function scheduleRule(what: string, schedule: string): Rule {
  const fields = schedule.trim().split(/\s+/);
  const right =
    MACROS.includes(schedule) ||
    (/^[\x20-\x7e]+$/.test(schedule) &&
      fields.length === FIELDS.length &&
      fields.every((field, at) => field.split(',').every((part) => isRange(part, ...FIELDS[at]))));
  return shownRule(
    !right,
    what,
    schedule,
    "five fields of cron's format: minute, hour, day of the month, month, day of the week from 0, e.g. '0 2 * * *'",
  );
}

/**
 * An upper bound of the time between two runs: a day, or what the fields for days and months restrict it to. A day in
 * February that does not exist each year is not considered.
 */
export function longestPause(schedule: string): Duration {
  const macro: Record<string, number> = { '@weekly': 7, '@monthly': 31, '@yearly': 366, '@annually': 366 };
  if (schedule.startsWith('@')) return Duration.days(macro[schedule] ?? 1);
  const [, , day, month, weekday] = schedule
    .trim()
    .split(/\s+/)
    .map((field) => !/^[*?](\/1)?$/.test(field));
  // If both are restricted, either is enough.
  const days = weekday ? 7 : day ? 31 : 1;
  return Duration.days(month ? 366 : days);
}

function isRange(text: string, least: number, most: number, names: string[]): boolean {
  const [, range, step] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (range === undefined || (step !== undefined && Number(step) < 1)) return false;
  if (range === '*' || range === '?') return true;
  const ends = range.split('-').map((end) => {
    const named = names.indexOf(end.toLowerCase());
    return named >= 0 ? named + least : /^\d{1,2}$/.test(end) ? Number(end) : NaN;
  });
  return ends.length <= 2 && ends.every((end) => end >= least && end <= most) && ends[0] <= ends[ends.length - 1];
}

/** A name of the IANA database, spelt as there. */
export function timeZoneRule(timeZone: string): Rule {
  return shownRule(
    !isTimeZone(timeZone),
    'timeZone',
    timeZone,
    "a time zone of the IANA database, e.g. 'Europe/Berlin'",
  );
}

function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+-]*(\/[A-Z][A-Za-z0-9_+-]*)*$/.test(name)) return false;
  try {
    const known = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
    return known === name || known.toLowerCase() !== name.toLowerCase();
  } catch {
    return false;
  }
}
