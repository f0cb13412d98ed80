/** The urgency of an alert: `critical` wakes a person, `warning` can wait for the morning. */
export type Severity = 'critical' | 'warning';

/** One alert about one part of a platform. */
export interface Alert {
  /** A name of `ALERTS`. */
  readonly name: string;
  /** The component that it is about, e.g. `mlflow-server`. */
  readonly component: string;
  readonly namespace: string;
  readonly expression: string;
  /** How long the expression must hold: `for`, e.g. `5m`. */
  readonly pending: string;
  /** One sentence, which a notification shows. */
  readonly summary: string;
  /** The value, and the metrics that the alert rests on. */
  readonly description: string;
}

/** All alerts, in the order of the runbooks. */
export const ALERTS: Record<string, Severity> = {
  MlflowServerDown: 'critical',
  MlflowServerErrors: 'critical',
  MlflowServerSlow: 'warning',
  MlflowLoginFailures: 'warning',
  MlflowSpoolFilling: 'warning',
  MlflowSpoolFullSoon: 'critical',
  MlflowBelowBudget: 'warning',
  MlflowDatabaseDown: 'critical',
  MlflowDatabaseConnections: 'warning',
  MlflowStoreDown: 'critical',
  MlflowVolumeFilling: 'warning',
  MlflowVolumeFullSoon: 'critical',
  MlflowBackupStale: 'critical',
  MlflowBackupUnproven: 'warning',
  MlflowMigrationFailed: 'critical',
  MlflowMigrationSlow: 'warning',
  MlflowSecretJobFailed: 'critical',
  MlflowSetUpFailed: 'critical',
  MlflowDeployerWithoutLeader: 'critical',
  MlflowDeployerLagging: 'warning',
  MlflowServingDown: 'critical',
  MlflowServingErrors: 'critical',
  MlflowServingSlow: 'warning',
  MlflowServingFailed: 'critical',
  MlflowServingRolledBack: 'warning',
  MlflowCertificateExpires: 'warning',
  MlflowMetricsMissing: 'warning',
};
