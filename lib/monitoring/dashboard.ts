import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { DASHBOARD } from './dashboard-model';
import { DashboardProps } from './dashboard-props';
import { VERBATIM } from '../component/standard-objects';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { labelRules } from '../kubernetes/metadata-rules';
import { check, nameRule, shownRule } from '../kubernetes/rules';

/**
 * The Grafana dashboard "MLflow": requests, latency and errors of a tracking server, its database and volumes; the registry
 * and the deployer's rollouts; servings by version. Its reader chooses the platform by namespace and name, so one dashboard
 * for each Grafana is enough.
 *
 * It is a ConfigMap for Grafana's sidecar, or with `instanceSelector` a GrafanaDashboard for the Grafana Operator. Its
 * series come from a `MetricsMonitor` for each part, from kube-state-metrics and from the kubelet.
 *
 * Object, by the id for `apiObject()`: `config-map` or `grafana-dashboard`.
 *
 * @see https://github.com/grafana/helm-charts/tree/main/charts/grafana#sidecar-for-dashboards
 * @see https://grafana.github.io/grafana-operator/docs/dashboards/
 */
export class Dashboard extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it. The sidecar must search in its namespace
   * @param id names the object: a DNS label
   * @param props options. All are optional
   */
  constructor(scope: Construct, id: string, props: DashboardProps = {}) {
    super(checkedScope('Dashboard', scope, id), id);
    checkInputs('new Dashboard', { scope, id, props }, this);
    const { instanceSelector, labels, folder } = props;
    check(this, [
      nameRule('the id of the dashboard', id),
      ...labelRules('instanceSelector', instanceSelector),
      shownRule(
        instanceSelector !== undefined && Object.keys(instanceSelector).length === 0,
        'instanceSelector',
        '{}',
        "a label of a Grafana, e.g. { dashboards: 'grafana' }: without one the operator gives the dashboard to every Grafana",
      ),
      ...labelRules('labels', labels),
      shownRule(
        folder !== undefined && !/^[^\p{Cc}]{1,189}$/u.test(folder),
        'folder',
        folder,
        "one line of at most 189 characters, e.g. 'Machine learning'",
      ),
    ]);
    const own = {
      'app.kubernetes.io/name': 'mlflow',
      'app.kubernetes.io/component': 'dashboard',
      'app.kubernetes.io/part-of': 'mlflow',
      'app.kubernetes.io/managed-by': 'cdk8s',
    };
    const json = JSON.stringify(DASHBOARD, null, 2);
    if (instanceSelector) {
      this.node.defaultChild = apiObject(this, 'grafana-dashboard', {
        apiVersion: 'grafana.integreatly.org/v1beta1',
        kind: 'GrafanaDashboard',
        name: id,
        labels: { ...own, ...labels },
        annotations: VERBATIM,
        body: { spec: { instanceSelector: { matchLabels: instanceSelector }, folder, json } },
      });
      return;
    }
    this.node.defaultChild = apiObject<{ data: Record<string, string> }>(this, 'config-map', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: id,
      labels: { ...own, ...(labels ?? { grafana_dashboard: '1' }) },
      annotations: { ...VERBATIM, ...(folder !== undefined && { grafana_folder: folder }) },
      body: { data: { [`${id}.json`]: json } },
    });
  }

  /**
   * Returns the ConfigMap or the GrafanaDashboard, to change a field that no prop sets.
   *
   * @param id `config-map` or `grafana-dashboard`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('Dashboard#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}
