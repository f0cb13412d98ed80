import { Duration } from 'cdk8s';
import { Construct } from 'constructs';

/** From which values on alerts fire. */
export interface AlertThresholds {
  /**
   * Share of answers with status 5xx among all answers of a serving, or of a route of a server, within 5 minutes, in percent,
   * above 0 and below 100: `MlflowServerErrors`, `MlflowServingErrors`.
   * @default 5 percent
   */
  readonly errorPercent?: number;
  /**
   * Time within which 99 % of the requests of a server must be answered, for the routes `api`, `traces` and `ui`. At most 9
   * seconds: `MlflowServerSlow`.
   * @default Duration.seconds(5)
   */
  readonly serverLatency?: Duration;
  /**
   * Time within which 99 % of the predictions must be answered, at most 59 seconds, because the histogram ends at 60:
   * `MlflowServingSlow`.
   * @default Duration.seconds(5)
   */
  readonly servingLatency?: Duration;
  /**
   * Share of the database's `max_connections` that may be in use, in percent, above 0 and below 100:
   * `MlflowDatabaseConnections`.
   * @default 80 percent
   */
  readonly connectionPercent?: number;
  /**
   * Share of a volume, or of the spool of a server, that may be in use, in percent, above 0 and below 100:
   * `MlflowVolumeFilling`, `MlflowSpoolFilling`.
   * @default 80 percent
   */
  readonly volumePercent?: number;
  /**
   * `MlflowVolumeFullSoon` fires if a volume that is at least half full is full within this time, at the pace of the last
   * 6 hours. At least 1 hour.
   * @default Duration.hours(24)
   */
  readonly volumeFullWithin?: Duration;
  /**
   * Age of the last complete backup: `MlflowBackupStale`. At least 1 minute.
   * @default - the longest pause between two runs of the schedule and a quarter more, e.g. 30 hours for a daily backup
   */
  readonly backupAge?: Duration;
  /**
   * Time since the last successful restore drill: `MlflowBackupUnproven`. At least 1 minute. A drill that is suspended has
   * this alert only if the time is given.
   * @default - the longest pause between two drills and a quarter more, e.g. 8 days and 18 hours for a weekly drill
   */
  readonly drillAge?: Duration;
  /**
   * Time without one successful poll of the registry: `MlflowDeployerLagging`. At least 2 minutes.
   * @default Duration.minutes(10)
   */
  readonly deployerLag?: Duration;
  /**
   * Time before a certificate of cert-manager expires: `MlflowCertificateExpires`. At least 1 minute.
   * @default Duration.days(14)
   */
  readonly certificateTime?: Duration;
}

/** Options of alert rules. */
export interface AlertRulesProps {
  /**
   * A platform with its servings, or one component, e.g. a standalone `TrackingServer`. Each part that it has at synth gets
   * the alerts of its kind, by its names and namespaces. Its charts need a namespace.
   */
  readonly platform: Construct;
  /**
   * Labels of the PrometheusRule in addition to the platform's: `metadata.labels`. Prometheus selects its rules by labels
   * (`ruleSelector`), e.g. `{ release: 'prometheus' }`.
   * @default - none
   */
  readonly labels?: Record<string, string>;
  /**
   * Labels of each alert in addition to `severity`, `namespace` and `component`, by which Alertmanager routes it, e.g.
   * `{ team: 'ml' }`. Those three are refused.
   * @default - none
   */
  readonly alertLabels?: Record<string, string>;
  /**
   * Where the runbooks are. The annotation `runbook_url` is this URL with the name of the alert as its fragment, in lower
   * case.
   * @default - `docs/how-to/alerts.md` of the repository of this library
   */
  readonly runbooks?: string;
  /**
   * From which values on alerts fire. What is left out keeps the default.
   * @default - the defaults of AlertThresholds
   */
  readonly thresholds?: AlertThresholds;
  /**
   * Alerts that are left out, by name, e.g. `['MlflowServerSlow']`. An unknown name is refused.
   * @default - none
   */
  readonly disabledAlerts?: string[];
}
