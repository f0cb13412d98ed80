import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** The samples of each series, one a step, in promtool's notation, e.g. `1x60`. */
export type Series = Record<string, string>;

/** Runs `promtool` with rules and further files in a folder. Returns what it prints. It throws if promtool fails. */
function promtool(spec: object, args: string[], files: Record<string, object> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
  try {
    for (const [name, content] of Object.entries({ 'rules.yaml': spec, ...files })) {
      writeFileSync(join(folder, name), stringify(content));
    }
    return execFileSync('promtool', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function checkRules(spec: object): string {
  return promtool(spec, ['check', 'rules', 'rules.yaml']);
}

export interface Firing {
  readonly series: Series;
  /** When the alerts are counted. */
  readonly at: string;
  /** Labels of the alerts that are counted. */
  readonly matchers: string;
  /** How many fire. */
  readonly count: number;
}

/** Evaluates the rules with each of the series, and compares the number of alerts that fire. */
export function expectFiring(spec: object, all: Firing[], step = '1m'): void {
  const tests = all.map(({ series, at, matchers, count }) => ({
    ...inputs(series, step),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertstate="firing", ${matchers}}) or vector(0)`,
        eval_time: at,
        exp_samples: [{ labels: '{}', value: count }],
      },
    ],
  }));
  testRules(spec, tests, step);
}

/** Evaluates the rules, and compares the labels and annotations of the only alert of this name. */
export function expectAnnotations(spec: object, series: Series, at: string, alertname: string, expected: object): void {
  testRules(spec, [
    { ...inputs(series, '1m'), alert_rule_test: [{ eval_time: at, alertname, exp_alerts: [expected] }] },
  ]);
}

function inputs(series: Series, interval: string) {
  return { interval, input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })) };
}

function testRules(spec: object, tests: object[], step = '1m'): void {
  const content = { rule_files: ['rules.yaml'], evaluation_interval: step, tests };
  promtool(spec, ['test', 'rules', 'test.yaml'], { 'test.yaml': content });
}
