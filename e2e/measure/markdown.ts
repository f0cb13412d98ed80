import { Load, Memory, ROLLOUT_SECONDS, Rollout, SERVERS } from './subject';

export interface Loads {
  readonly alone: Load[];
  readonly proxy: Load[];
  readonly basicAuth: Load[];
}

interface Start {
  readonly seconds: number;
  readonly restarts: number;
}

export interface Figures {
  readonly machine: string[];
  readonly oursStart: Start;
  readonly oursMemory: { readonly mlflow: Memory; readonly nginx: Memory };
  readonly loads: Loads;
  readonly oursRollout: Rollout;
  readonly blogStart: Start;
  readonly blogMemory: Memory;
  readonly blogRollout: Rollout;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const of = (loads: Load[], what: 'perSecond' | 'p50' | 'p99' | 'cpu') => median(loads.map((load) => load[what]));
const sum = (loads: Load[], what: 'requests' | 'failures') => loads.reduce((total, load) => total + load[what], 0);
const times = (a: number, b: number) => `${(a / b).toFixed(2)} ×`;
const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`;

/** The page with the figures of one run. Figures of different runs cannot be compared. */
export function markdown(
  figures: Figures,
  { rounds, seconds, connections }: { rounds: number; seconds: number; connections: number },
): string {
  const { oursStart, blogStart, oursMemory, blogMemory, oursRollout, blogRollout, loads } = figures;
  const { mlflow, nginx } = oursMemory;
  const pod = mlflow.mebibytes + nginx.mebibytes;
  const load = (name: string, taken: Load[]) =>
    row(
      name,
      of(taken, 'perSecond').toFixed(0),
      times(of(taken, 'perSecond'), of(loads.alone, 'perSecond')),
      of(taken, 'p50').toFixed(0),
      of(taken, 'p99').toFixed(0),
      times(of(taken, 'p99'), of(loads.alone, 'p99')),
      `${sum(taken, 'failures')} of ${sum(taken, 'requests')}`,
    );
  const busiest = Math.max(...Object.values(loads).map((taken) => of(taken, 'cpu')));
  const failed = ({ requests, failures }: { requests: number; failures: number }) => `${failures} of ${requests}`;
  const took = ({ seconds: s }: Rollout) => (s === undefined ? `not within ${ROLLOUT_SECONDS}` : s.toFixed(0));
  return `# Measurements

Made by \`npm run measure\` on ${new Date().toISOString().slice(0, 10)}:

${figures.machine.map((line) => `- ${line}`).join('\n')}

Times depend on the machine, so read the ratios: both sides of each were taken in the same run.

"The blog's" are the manifests of a typical blog post, [e2e/fixtures/blog.yaml](../e2e/fixtures/blog.yaml): PostgreSQL,
MinIO and ${SERVERS} replicas of \`mlflow server\` with MLflow's defaults, without a login. Both platforms have the same images,
which the node has already, ask for equal CPU and memory, have ${SERVERS} servers and no autoscaler, and run one after the other.

## From \`kubectl apply\` to ${SERVERS} servers Ready

| | ours | the blog's | ours / the blog's |
|---|---|---|---|
${row('seconds', oursStart.seconds.toFixed(1), blogStart.seconds.toFixed(1), times(oursStart.seconds, blogStart.seconds))}
${row('restarts of servers', oursStart.restarts, blogStart.restarts, '')}

In that time ours creates its Secrets, the database's role, the bucket and its key, and the schema. The blog's bucket has
to be created by hand afterwards.

## A server's pod, Ready and idle

| | ours | MLflow's defaults (4 workers, jobs on) | ours / the defaults |
|---|---|---|---|
${row('memory (PSS), MiB', `${pod.toFixed(0)} (nginx ${nginx.mebibytes.toFixed(0)})`, blogMemory.mebibytes.toFixed(0), times(pod, blogMemory.mebibytes))}
${row('processes', `${mlflow.processes + nginx.processes} (nginx ${nginx.processes})`, blogMemory.processes, '')}

## Requests

\`GET experiments/get\` over ${connections} kept connections from inside a server's pod, one worker each, medians of ${rounds} rounds of
${seconds} s in turn. The load program used ${busiest.toFixed(2)} cores at most.

| | requests/s | against MLflow alone | p50, ms | p99, ms | against MLflow alone | failed |
|---|---|---|---|---|---|---|
${load('MLflow alone, no login', loads.alone)}
${load('through the proxy, with login', loads.proxy)}
${load("MLflow's own `basic-auth` app", loads.basicAuth)}

Through the proxy against \`basic-auth\`: ${times(of(loads.proxy, 'perSecond'), of(loads.basicAuth, 'perSecond'))} the requests/s.

## Failed requests while all servers are replaced

\`kubectl rollout restart\` under four clients of each kind, each of which sends about ten requests a second through the Service.

| | ours | the blog's |
|---|---|---|
${row("clients with MLflow's default retries", failed(oursRollout.retrying), failed(blogRollout.retrying))}
${row('clients without any retry, over kept connections', failed(oursRollout.plain), failed(blogRollout.plain))}
${row('seconds, to the end of the last old server', took(oursRollout), took(blogRollout))}
`;
}
