import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { AlertRulesProps } from './alert-rules-props';
import { ALERTS, Alert } from './alerts/alert';
import { missingMetrics } from './alerts/missing-metrics';
import { backupAlerts, certificateAlerts, jobAlerts } from './alerts/operations-alerts';
import { budgetAlerts, serverAlerts } from './alerts/server-alerts';
import { deployerAlerts, servingAlerts } from './alerts/serving-alerts';
import { databaseAlerts, storeAlerts, volumeAlerts } from './alerts/storage-alerts';
import { thresholdRules, thresholdsOf } from './alerts/thresholds';
import { componentsOf, watchedObjects } from './alerts/watched';
import { instanceOf } from '../component/instance';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { labelRules } from '../kubernetes/metadata-rules';
import { Rule, check, checkAtSynth, nameRule, shownRule } from '../kubernetes/rules';

const RUNBOOKS = 'https://github.com/cdk8s-mlflow/cdk8s-mlflow/blob/main/docs/how-to/alerts.md';
/** Labels that each alert has. */
const OWN_LABELS = ['severity', 'namespace', 'component'];

interface Group {
  readonly name: string;
  readonly rules: object[];
}

/**
 * Alerts about a platform, as a PrometheusRule of the Prometheus Operator, named by its id: server, database, artifact store,
 * volumes, backup, Jobs, deployer, servings and certificates. Each alert has a `severity` (`critical` or `warning`), a
 * summary, a description and the URL of its runbook. Put it in a chart of its own, as a `MetricsMonitor`.
 *
 * The alerts about the server, the deployer and the servings need a `MetricsMonitor` for each. Others need
 * kube-state-metrics, the metrics of the kubelet or of cert-manager: their descriptions say which.
 *
 * Object, by the id for `apiObject()`: `prometheus-rule`.
 *
 * @see https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule
 */
export class AlertRules extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it. The PrometheusRule is in its namespace
   * @param id names the PrometheusRule: a DNS label
   * @param props the platform, and options
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlertRulesProps,
  ) {
    super(checkedScope('AlertRules', scope, id), id);
    checkInputs('new AlertRules', { scope, id, props }, this);
    check(this, [nameRule('the id of the alert rules', id), ...this.rules()]);
    checkAtSynth(this, () => this.namespaceRules());
    this.node.defaultChild = apiObject(this, 'prometheus-rule', {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      name: id,
      labels: {
        'app.kubernetes.io/name': 'mlflow',
        'app.kubernetes.io/instance': instanceOf(componentsOf(props.platform)[0]).name,
        'app.kubernetes.io/component': 'alert-rules',
        'app.kubernetes.io/part-of': 'mlflow',
        'app.kubernetes.io/managed-by': 'cdk8s',
        ...props.labels,
      },
      body: { spec: () => ({ groups: this.groups() }) },
    });
  }

  /**
   * Returns the PrometheusRule, to change a field that no prop sets.
   *
   * @param id `prometheus-rule`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('AlertRules#apiObject', { id }, this);
    return findApiObject(this, id);
  }

  private rules(): Rule[] {
    const { platform, labels, alertLabels, runbooks, thresholds, disabledAlerts = [] } = this.props;
    const unknown = disabledAlerts.find((name) => !(name in ALERTS));
    const own = Object.keys(alertLabels ?? {}).find((key) => OWN_LABELS.includes(key));
    return [
      {
        wrong: componentsOf(platform).length === 0,
        given: `platform is ${platform.node.path}, which has no component`,
        want: 'expected a MlflowPlatform or a component, e.g. platform: mlflow',
      },
      ...labelRules('labels', labels),
      ...alertLabelRules(alertLabels),
      shownRule(
        own !== undefined,
        'a key of alertLabels',
        own,
        `a key other than ${OWN_LABELS.join(', ')}, e.g. 'team'`,
      ),
      shownRule(
        runbooks !== undefined && !(/^https?:\/\/[^\s#{}]+$/.test(runbooks) && URL.canParse(runbooks)),
        'runbooks',
        runbooks,
        "a URL without a fragment, e.g. 'https://wiki.example.com/mlflow-alerts'",
      ),
      ...thresholdRules(thresholds),
      shownRule(
        unknown !== undefined,
        'a name of disabledAlerts',
        unknown,
        `one of ${Object.keys(ALERTS)
          .map((name) => `'${name}'`)
          .join(', ')}`,
      ),
    ];
  }

  /** Series of two namespaces cannot be told apart without it. */
  private namespaceRules(): Rule[] {
    const without = componentsOf(this.props.platform).find(({ namespace }) => namespace === undefined);
    return [
      {
        wrong: without !== undefined,
        given: `the chart of ${without?.node.path} has no namespace`,
        want: "expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' }): alerts name it",
      },
    ];
  }

  private groups(): Group[] {
    const { disabledAlerts = [] } = this.props;
    const objects = watchedObjects(this.props.platform);
    const thresholds = thresholdsOf(this.props.thresholds);
    const groups: Record<string, Alert[]> = {
      server: [...serverAlerts(objects, thresholds), ...budgetAlerts(objects)],
      storage: [...databaseAlerts(objects, thresholds), ...storeAlerts(objects), ...volumeAlerts(objects, thresholds)],
      operations: [
        ...backupAlerts(objects, thresholds),
        ...jobAlerts(objects),
        ...certificateAlerts(objects, thresholds),
      ],
      serving: [...deployerAlerts(objects, thresholds), ...servingAlerts(objects, thresholds)],
      metrics: missingMetrics(objects),
    };
    return Object.entries(groups)
      .map(([part, alerts]) => ({
        name: `${this.node.id}-${part}`,
        rules: alerts.filter(({ name }) => !disabledAlerts.includes(name)).map((alert) => this.rule(alert)),
      }))
      .filter(({ rules }) => rules.length > 0);
  }

  private rule({ name, expression, pending, namespace, component, summary, description }: Alert): object {
    const { alertLabels, runbooks = RUNBOOKS } = this.props;
    return {
      alert: name,
      expr: expression,
      for: pending,
      labels: { severity: ALERTS[name], namespace, component, ...alertLabels },
      annotations: { summary, description, runbook_url: `${runbooks}#${name.toLowerCase()}` },
    };
  }
}

/** Labels of Prometheus: other than those of Kubernetes, a key has no dots and no dashes, and a value can be any text. */
function alertLabelRules(labels: Record<string, string> = {}): Rule[] {
  const wrong = Object.keys(labels).find((key) => !/^(?!__)[a-zA-Z_]\w*$/.test(key));
  return [
    shownRule(
      wrong !== undefined,
      'a key of alertLabels',
      wrong,
      "letters, digits and '_', a letter first, e.g. 'team'",
    ),
  ];
}
