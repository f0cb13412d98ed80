import { Duration } from 'cdk8s';
import { durationRule } from '../../kubernetes/durations';
import { Rule, shownRule } from '../../kubernetes/rules';
import { AlertThresholds } from '../alert-rules-props';

/** The thresholds with their defaults. The ages of backups follow from their schedules. */
export type Thresholds = Required<Omit<AlertThresholds, 'backupAge' | 'drillAge'>> &
  Pick<AlertThresholds, 'backupAge' | 'drillAge'>;

export function thresholdsOf(given: AlertThresholds = {}): Thresholds {
  return {
    errorPercent: given.errorPercent ?? 5,
    serverLatency: given.serverLatency ?? Duration.seconds(5),
    servingLatency: given.servingLatency ?? Duration.seconds(5),
    connectionPercent: given.connectionPercent ?? 80,
    volumePercent: given.volumePercent ?? 80,
    volumeFullWithin: given.volumeFullWithin ?? Duration.hours(24),
    backupAge: given.backupAge,
    drillAge: given.drillAge,
    deployerLag: given.deployerLag ?? Duration.minutes(10),
    certificateTime: given.certificateTime ?? Duration.days(14),
  };
}

export function thresholdRules(given: AlertThresholds = {}): Rule[] {
  const what = (prop: keyof AlertThresholds) => `thresholds.${prop}`;
  const percent = (prop: 'errorPercent' | 'connectionPercent' | 'volumePercent') => {
    const value = given[prop];
    const wrong = value !== undefined && !(value > 0 && value < 100);
    return shownRule(wrong, what(prop), value, 'a share in percent, above 0 and below 100, e.g. 80');
  };
  return [
    percent('errorPercent'),
    percent('connectionPercent'),
    percent('volumePercent'),
    durationRule(what('serverLatency'), given.serverLatency, 1, 9),
    durationRule(what('servingLatency'), given.servingLatency, 1, 59),
    durationRule(what('volumeFullWithin'), given.volumeFullWithin, 3600),
    durationRule(what('backupAge'), given.backupAge, 60),
    durationRule(what('drillAge'), given.drillAge, 60),
    durationRule(what('deployerLag'), given.deployerLag, 120),
    durationRule(what('certificateTime'), given.certificateTime, 60),
  ];
}
