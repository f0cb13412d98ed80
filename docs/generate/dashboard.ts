// The dashboard as Grafana's JSON, by the Grafana Foundation SDK.
import { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { PanelOfDashboard, ROWS, VARIABLES } from './dashboard-panels';

const datasource = { type: 'prometheus', uid: '${datasource}' };
const BUILDERS = {
  number: StatBuilder,
  lines: TimeseriesBuilder,
  table: TableBuilder,
  timeline: StateTimelineBuilder,
};

/** Grafana's JSON of the dashboard. */
export function dashboardModel(): object {
  const dashboard = new DashboardBuilder('MLflow')
    .uid('cdk8s-mlflow')
    .tags(['mlflow'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'));
  for (const [name, { label, query, several = false }] of Object.entries(VARIABLES)) {
    dashboard.withVariable(
      new QueryVariableBuilder(name)
        .label(label)
        .datasource(datasource)
        .query({ query, refId: name })
        .definition(query)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(several)
        .includeAll(several),
    );
  }
  for (const [title, panels] of Object.entries(ROWS)) {
    dashboard.withRow(new RowBuilder(title));
    for (const each of panels) dashboard.withPanel(panel(each));
  }
  return dashboard.build();
}

function panel({ title, description, drawing, unit, queries, width = 12 }: PanelOfDashboard): Builder<Panel> {
  const builder = new BUILDERS[drawing]();
  builder
    .title(title)
    .description(description)
    .datasource(datasource)
    .height(drawing === 'number' ? 4 : 8)
    .span(width);
  if (unit) builder.unit(unit);
  Object.entries(queries).forEach(([legend, expression], at) => {
    const query = new DataqueryBuilder().datasource(datasource).expr(expression).legendFormat(legend);
    query.refId(String.fromCharCode('A'.charCodeAt(0) + at));
    if (drawing === 'table') query.instant().format(PromQueryFormat.Table);
    else query.range();
    builder.withTarget(query);
  });
  return builder;
}
