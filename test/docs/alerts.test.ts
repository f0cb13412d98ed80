import { readFileSync } from 'fs';
import { join } from 'path';
import { ALERTS } from '../../lib/monitoring/alerts/alert';
import { ROOT } from '../support/run';

const page = readFileSync(join(ROOT, 'docs/how-to/alerts.md'), 'utf8');
const sections = page.split(/^## /m).slice(1);

test('every alert has a runbook, in the order of the alerts, and every runbook an alert', () => {
  expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.keys(ALERTS));
});

test.each(sections.map((section) => [section.split('\n')[0], section] as const))(
  'the runbook of %s says what it means, what to look at and what to do',
  (_, section) => {
    const [meaning, commands, action] = section.split(/^```(?:sh)?$/m);
    expect(meaning.split('\n').slice(1).join('').trim()).not.toBe('');
    expect(commands).toMatch(/^kubectl /m);
    expect(action.trim()).not.toBe('');
  },
);
