import { Rule } from '../kubernetes/rules';

/** Options of metrics, by prop, that do nothing without `metrics: true`. */
export function metricsRules(metrics: boolean | undefined, options: Record<string, unknown>): Rule[] {
  return Object.entries(options).map(([prop, value]) => ({
    wrong: value !== undefined && !metrics,
    given: `${prop} is given and metrics is ${metrics}`,
    want: 'expected metrics: true with it',
  }));
}
