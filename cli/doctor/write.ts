/** Sends a request to a tracking server. */
export type Call = (method: string, path: string, body?: string) => Promise<{ status: number; text: string }>;

const API = '/api/2.0/mlflow';
const METRIC = 0.5;
const TEXT = 'Written and read by cdk8s-mlflow doctor.\n';

/** Logs a run with an artifact into an experiment of its own, reads both back, and deletes the experiment. */
export async function writeARun(send: Call): Promise<{ failed?: string }> {
  let experiment: string | undefined;
  try {
    const name = `cdk8s-mlflow-doctor-${Date.now()}`;
    experiment = (await post(send, 'experiments/create', { name })).experiment_id;
    const start = { experiment_id: experiment, start_time: Date.now(), tags: [] };
    const { info } = (await post(send, 'runs/create', start)).run;
    const run_id: string = info.run_id;
    await post(send, 'runs/log-metric', { run_id, key: 'doctor', value: METRIC, timestamp: Date.now() });
    const read = await json(send, 'GET', `${API}/runs/get?run_id=${run_id}`);
    if (read.run.data.metrics?.[0]?.value !== METRIC) {
      return { failed: 'the metric of the run differs from the one that was logged' };
    }
    return { failed: await artifact(send, info.artifact_uri) };
  } catch (error) {
    return { failed: (error as Error).message };
  } finally {
    if (experiment) await post(send, 'experiments/delete', { experiment_id: experiment }).catch(() => undefined);
  }
}

/** With direct access to the store, clients do not send artifacts to the server: nothing is tried then. */
async function artifact(send: Call, uri: string): Promise<string | undefined> {
  const path = /^mlflow-artifacts:\/(?:\/[^/]*\/)?(.*)$/.exec(uri)?.[1];
  if (path === undefined) return undefined;
  const file = `/api/2.0/mlflow-artifacts/artifacts/${path}/doctor.txt`;
  const written = await send('PUT', file, TEXT);
  if (written.status !== 200) return `the artifact was answered with ${written.status}`;
  const read = await send('GET', file);
  if (read.status !== 200 || read.text !== TEXT) return `the artifact cannot be read back (${read.status})`;
  await send('DELETE', file);
  return undefined;
}

const post = (send: Call, name: string, body: object) => json(send, 'POST', `${API}/${name}`, JSON.stringify(body));

async function json(send: Call, method: string, path: string, body?: string): Promise<any> {
  const { status, text } = await send(method, path, body);
  if (status !== 200) throw new Error(`${path.replace(/\?.*/, '')} was answered with ${status}`);
  return JSON.parse(text);
}
