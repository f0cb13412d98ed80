/** Options of a dashboard. */
export interface DashboardProps {
  /**
   * Labels of a Grafana that the Grafana Operator runs: `spec.instanceSelector.matchLabels` of a GrafanaDashboard, e.g.
   * `{ dashboards: 'grafana' }`. Kubernetes refuses a change of them.
   * @default - a ConfigMap, which the sidecar of Grafana's chart and of kube-prometheus-stack finds by its label
   */
  readonly instanceSelector?: Record<string, string>;
  /**
   * Labels of the object: `metadata.labels`. The sidecar selects ConfigMaps by a label.
   * @default - `{ grafana_dashboard: '1' }` of a ConfigMap, none of a GrafanaDashboard
   */
  readonly labels?: Record<string, string>;
  /**
   * Folder of Grafana: `spec.folder`, or the annotation `grafana_folder`, which the sidecar reads if it is told to
   * (`sidecar.dashboards.folderAnnotation`). One line of at most 189 characters.
   * @default - Grafana's general folder
   */
  readonly folder?: string;
}
