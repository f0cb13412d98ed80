import { request } from 'http';
import { targetsOf } from './checks/servings';
import { Cluster } from './cluster';
import { partOf } from './part';
import { Answer, isOurs, Probe } from './snapshot';
import { isReady, templateOf } from './workload';
import { Call, writeARun } from './write';

export interface ProbeOptions {
  /** Log in with the user of a Secret of the platform. */
  readonly login?: boolean;
  /** Log a run, read it back, and delete it. */
  readonly write?: boolean;
}

const PORT = 'http';
const API = '/api/2.0/mlflow';
const TIMEOUT = 30_000;

/** Asks each tracking server through a port-forward to one of its Ready pods. */
export async function probesOf(
  cluster: Cluster,
  objects: Readonly<Record<string, readonly any[]>>,
  options: ProbeOptions,
): Promise<{ probes: Probe[]; notSeen: string[] }> {
  const probes: Probe[] = [];
  const notSeen: string[] = [];
  const servers = (objects.Deployment ?? []).filter((each) => isOurs(each) && partOf(each).role === 'server');
  for (const server of servers) {
    const { namespace, name } = server.metadata;
    const pod = (objects.Pod ?? []).find(
      (each) =>
        each.metadata.namespace === namespace &&
        each.metadata.labels?.app === name &&
        isReady(each) &&
        !each.metadata.deletionTimestamp,
    );
    if (!pod) {
      notSeen.push(`No request was sent to deployment/${name}, because it has no Ready pod.`);
      continue;
    }
    const probe = await ask(cluster, objects, server, pod, options);
    probes.push(probe);
    if (probe.anonymous.status === undefined) {
      notSeen.push(`No request reached deployment/${name} by a port-forward: ${probe.anonymous.error}.`);
    } else if (options.login && !probe.login) {
      notSeen.push(`deployment/${name} has no Secret with a user whom you may read: no login was tried.`);
    }
  }
  return { probes, notSeen };
}

async function ask(
  cluster: Cluster,
  objects: Readonly<Record<string, readonly any[]>>,
  server: any,
  pod: any,
  options: ProbeOptions,
): Promise<Probe> {
  const { namespace, name } = server.metadata;
  const forward = await cluster.forward(namespace, pod.metadata.name, portOf(server));
  try {
    const search = `${API}/experiments/search?max_results=1`;
    const asked = await answerOf(call(forward.port), search);
    const anonymous = asked.error ? { error: forward.failure() ?? asked.error } : asked;
    const base: Probe = { namespace, server: name, anonymous, aliases: {} };
    if (!options.login || anonymous.status === undefined) return base;
    const user = await userOf(cluster, objects, server);
    if (!user) return base;
    const logged = call(forward.port, user.authorization);
    const login = { secret: user.secret, answer: await answerOf(logged, search) };
    if (login.answer.status !== 200) return { ...base, login };
    const aliases = await aliasesOf(logged, objects);
    const write = options.write ? await writeARun(logged) : undefined;
    return { ...base, login, aliases, ...(write && { write }) };
  } finally {
    forward.stop();
  }
}

function portOf(server: any): number {
  const { initContainers = [], containers = [] } = templateOf(server).spec;
  const ports = [...initContainers, ...containers].flatMap((each: any) => each.ports ?? []);
  return ports.find(({ name }: any) => name === PORT)?.containerPort ?? 8080;
}

async function answerOf(send: Call, path: string): Promise<Answer> {
  try {
    return { status: (await send('GET', path)).status };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function call(port: number, authorization?: string): Call {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(authorization && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      });
      sent.setTimeout(TIMEOUT, () => sent.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
      sent.on('error', reject);
      sent.end(body);
    });
}

/** The user of a person, else of a program: the first Secret with a user name and a password that can be read. */
async function userOf(
  cluster: Cluster,
  objects: Readonly<Record<string, readonly any[]>>,
  server: any,
): Promise<{ secret: string; authorization: string } | undefined> {
  const { namespace } = server.metadata;
  for (const secret of candidates(objects, server)) {
    const { status, text } = await cluster.get(`/api/v1/namespaces/${namespace}/secrets/${secret}`);
    if (status !== 200) continue;
    const { username, password } = JSON.parse(text).data ?? {};
    if (!username || !password) continue;
    const [user, word] = [username, password].map((each) => Buffer.from(each, 'base64').toString().trim());
    return { secret, authorization: `Basic ${Buffer.from(`${user}:${word}`).toString('base64')}` };
  }
  return undefined;
}

function candidates(objects: Readonly<Record<string, readonly any[]>>, server: any): string[] {
  const { namespace, name } = server.metadata;
  const mounted = (templateOf(server).spec.volumes ?? [])
    .flatMap((volume: any) => [volume, ...(volume.projected?.sources ?? [])])
    .map(({ secret }: any) => secret?.secretName ?? secret?.name)
    .filter(Boolean);
  const people = mounted.filter((secret: string) => /-basic-auth$/.test(secret) || secret === `${name}-admin`);
  const plans = (objects.ConfigMap ?? []).filter(
    ({ metadata, data }) => metadata.namespace === namespace && data?.['credentials.json'],
  );
  const programs = plans.flatMap(({ data }) => {
    const { logins = [] } = JSON.parse(data['credentials.json']);
    return logins.flatMap(({ prefix, users }: any) =>
      Object.keys(users).map((user) => `${prefix}${user.split('.')[1]}-login`),
    );
  });
  return [...people, `${name}-admin`, ...mounted, ...programs.filter((each: string) => each.startsWith(`${name}-`))];
}

async function aliasesOf(send: Call, objects: Readonly<Record<string, readonly any[]>>): Promise<Probe['aliases']> {
  const found: Record<string, string | undefined> = {};
  for (const { model, alias } of targetsOf(objects)) {
    if (!alias) continue;
    const query = `name=${encodeURIComponent(model)}&alias=${encodeURIComponent(alias)}`;
    const { status, text } = await send('GET', `${API}/registered-models/alias?${query}`);
    if (status === 200) found[`${model}@${alias}`] = JSON.parse(text).model_version?.version;
    // A model or an alias that does not exist.
    else if (status === 400 || status === 404) found[`${model}@${alias}`] = undefined;
  }
  return found;
}
