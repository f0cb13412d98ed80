/** What is measured, how often, and how often a user does it in a working hour. */
export const KINDS: readonly { readonly kind: string; readonly count: number; readonly perHour: number }[] = [
  { kind: 'start and end a run', count: 100, perHour: 2 },
  { kind: 'log 20 parameters at once', count: 100, perHour: 2 },
  { kind: 'log one metric', count: 300, perHour: 400 },
  { kind: 'log 1,000 metrics at once', count: 40, perHour: 4 },
  { kind: 'list 100 runs', count: 60, perHour: 20 },
  { kind: 'look at a run', count: 200, perHour: 40 },
  { kind: 'list models', count: 200, perHour: 10 },
  { kind: 'the page of the UI', count: 200, perHour: 10 },
  { kind: 'upload 10 MiB', count: 30, perHour: 4 },
  { kind: 'download 10 MiB', count: 30, perHour: 2 },
];
/** How much more than the mean of a working hour the busiest minute has. */
const PEAK = 4;
/** Share of one core at which another server is added, as the autoscaler does. A server is one Python process. */
const BUSY = 0.7;
const HOURS_A_YEAR = 1800;
const GIBIBYTE = 1024 ** 3;

/** CPU milliseconds of one call, by container. */
export interface Cost {
  readonly kind: string;
  readonly mlflow: number;
  readonly nginx: number;
  readonly postgres: number;
  readonly store: number;
  /** Median duration in milliseconds. */
  readonly p50: number;
}

export interface Capacity {
  readonly costs: readonly Cost[];
  readonly bytesPerMetric: number;
  readonly mlflow: string;
  readonly made: Date;
}

const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
const ms = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
const cores = (value: number) => value.toFixed(value < 1 ? 2 : 1);

export function capacityPage({ costs, bytesPerMetric, mlflow, made }: Capacity): string {
  const perHour = new Map(KINDS.map((each) => [each.kind, each.perHour]));
  const secondsPerUser = (name: 'mlflow' | 'nginx' | 'postgres' | 'store') =>
    costs.reduce((sum, cost) => sum + (cost[name] / 1000) * perHour.get(cost.kind)!, 0);
  const callsPerUser = KINDS.reduce((sum, each) => sum + each.perHour, 0);
  const metricsPerUser = perHour.get('log one metric')! + 1000 * perHour.get('log 1,000 metrics at once')!;
  const size = (users: number) => {
    const peak = (name: Parameters<typeof secondsPerUser>[0]) => (users * secondsPerUser(name) * PEAK) / 3600;
    const yearly = users * HOURS_A_YEAR;
    return row(
      users.toLocaleString('en'),
      ((users * callsPerUser * PEAK) / 3600).toFixed(1),
      cores(peak('mlflow') + peak('nginx')),
      Math.max(1, Math.ceil(peak('mlflow') / BUSY)),
      cores(peak('postgres')),
      cores(peak('store')),
      ((yearly * metricsPerUser * bytesPerMetric) / GIBIBYTE).toFixed(0),
      ((yearly * perHour.get('upload 10 MiB')! * 10) / 1024).toLocaleString('en', { maximumFractionDigits: 0 }),
    );
  };
  return `# Capacity

At the end of this page you know how many servers, how much CPU and how much storage a number of users needs. It is for the person who
sets \`server.autoscaling\`, \`postgres.storage\` and \`minio.storage\`.

Made by \`npm run measure:capacity\` on ${made.toISOString().slice(0, 10)} with MLflow ${mlflow}, PostgreSQL and Silo in the cluster.

## For a number of users

| users at work | calls/s in the busiest minute | cores of all servers | servers | cores of PostgreSQL | cores of the store | database, GiB a year | artifacts, GiB a year |
|---|---|---|---|---|---|---|---|
${[10, 100, 1000].map(size).join('\n')}

- A user at work does in an hour what the last column of the next table says. The busiest minute has ${PEAK} times the mean.
- A server is one Python process, which uses about one core. Another server is added at ${BUSY * 100} % of it. The default of
  \`autoscaling\`, 3 to 10 servers, also covers the loss of a node: keep 3 for fewer users too, if a rollout must lose no request.
- A year has ${HOURS_A_YEAR.toLocaleString('en')} working hours. Nothing is deleted: [garbage collection](how-to/clean-up.md) changes the last two columns.

## What one call costs

| call of MLflow's client | MLflow, CPU ms | nginx, CPU ms | PostgreSQL, CPU ms | store, CPU ms | median duration, ms | calls of a user in an hour |
|---|---|---|---|---|---|---|
${costs.map((cost) => row(cost.kind, ms(cost.mlflow), ms(cost.nginx), ms(cost.postgres), ms(cost.store), ms(cost.p50), perHour.get(cost.kind)!)).join('\n')}

One call can be more than one request, e.g. a run is started and ended. CPU is what the container's cgroup counted, with the login.
Durations depend on what else the machine did, CPU much less.

A million metrics need ${((bytesPerMetric * 1e6) / 1024 ** 2).toFixed(0)} MiB of PostgreSQL: ${bytesPerMetric.toFixed(0)} bytes a metric, indexes included.

## Check your own platform

\`\`\`sh
kubectl top pods -n mlflow --containers
\`\`\`

Multiply the rows by what your users do. A training process that logs each step by itself costs most: log metrics in batches, e.g. by
\`mlflow.log_metrics\` or with [MLFLOW_ENABLE_ASYNC_LOGGING](https://mlflow.org/docs/latest/api_reference/python_api/mlflow.environment_variables.html).
`;
}
