// npm run measure: the figures of docs/measurements.md, on the cluster that kubectl points at, in namespaces of its own,
// which it removes. It takes some five minutes on two cores that do nothing else, and gives up after MEASURE_MINUTES.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Figures, Loads, markdown } from './markdown';
import { Load, SERVERS, Subject } from './subject';
import { Images, MlflowPlatform } from '../../lib';
import { Blog } from '../lib/blog';
import { basic, loginOf } from '../lib/client';
import { throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';

const MINUTES = Number(process.env.MEASURE_MINUTES ?? 8);
const [ROUNDS, ROUND_SECONDS, CONNECTIONS] = [3, 5, 8];
const BY_HAND = '\n## Backup and restore\n';
const ours = new Subject(new Namespace('mlflow-e2e-figures'));
const blog = new Subject(new Namespace('mlflow-e2e-figures-seed'));
const say = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

const cleanUp = () => [ours, blog].forEach(({ namespace }) => namespace.remove());

async function main(): Promise<void> {
  cleanUp();
  const figures: Figures = { ...(await measureOurs()), ...(await measureBlog()) };
  const text = markdown(figures, { rounds: ROUNDS, seconds: ROUND_SECONDS, connections: CONNECTIONS });
  const file = join(__dirname, '..', '..', 'docs', 'measurements.md');
  // The last section is written by hand.
  const [, byHand] = readFileSync(file, 'utf8').split(BY_HAND);
  writeFileSync(file, byHand === undefined ? text : text + BY_HAND + byHand);
  process.stdout.write(text);
}

async function measureOurs() {
  const platform = new Platform(ours.namespace, 'mlflow', (chart) => {
    new MlflowPlatform(chart, 'mlflow', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      minio: { resources: little, storage: Size.gibibytes(1) },
      server: { resources: little, proxyResources: little, replicas: SERVERS },
    });
  }).synth();
  say('our platform: apply → Ready');
  const oursStart = await ours.start(() => platform.apply());
  const machine = describe();
  const oursMemory = { mlflow: ours.memory('mlflow'), nginx: ours.memory('nginx') };
  say('load');
  const loads = await measureLoads();
  say('rollout');
  const oursRollout = await ours.rollout({ secrets: throughTheProxy().secrets });
  ours.namespace.remove();
  return { machine, oursStart, oursMemory, loads, oursRollout };
}

/** Measures the three in turn, round by round, so that other load of the machine affects all of them. */
async function measureLoads(): Promise<Loads> {
  const password = randomBytes(12).toString('hex');
  const { authorization } = basic(loginOf(ours.namespace, 'mlflow-basic-auth'));
  await ours.startBasicAuth(password);
  const subjects: Record<keyof Loads, () => Load> = {
    alone: () => ours.load(5000, '', CONNECTIONS, ROUND_SECONDS),
    proxy: () => ours.load(8080, authorization, CONNECTIONS, ROUND_SECONDS),
    basicAuth: () => ours.load(5001, basic({ username: 'admin', password }).authorization, CONNECTIONS, ROUND_SECONDS),
  };
  const loads: Loads = { alone: [], proxy: [], basicAuth: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['alone', 'proxy', 'basicAuth'] as const) loads[name].push(subjects[name]());
  }
  return loads;
}

async function measureBlog() {
  say("the blog's manifests: apply → Ready");
  blog.namespace.kubectl('create', 'namespace', blog.namespace.name);
  const post = new Blog(blog.namespace);
  const blogStart = await blog.start(() => post.apply());
  const blogMemory = blog.memory('mlflow');
  say('rollout');
  const blogRollout = await blog.rollout({});
  return { blogStart, blogMemory, blogRollout };
}

/** Describes the machine, without its name. */
function describe(): string[] {
  const node = ours.namespace.json<{ items: any[] }>('get', 'nodes').items;
  const { capacity, nodeInfo } = node[0].status;
  const cpu = /model name\s*: (.*)/.exec(ours.exec('mlflow', ['cat', '/proc/cpuinfo']))?.[1] ?? nodeInfo.architecture;
  const gibibytes = (Number.parseInt(capacity.memory, 10) / 1024 / 1024).toFixed(0);
  return [
    `${node.length} node${node.length > 1 ? 's' : ''} of ${capacity.cpu} cores (${cpu}), ${gibibytes} GiB of memory`,
    `Kubernetes ${nodeInfo.kubeletVersion}, ${nodeInfo.containerRuntimeVersion}, Linux ${nodeInfo.kernelVersion.split('-')[0]}`,
    `MLflow ${/:v([\d.]+)/.exec(Images.MLFLOW)![1]}`,
  ];
}

function end(error?: Error): never {
  if (error) say(error.stack!);
  cleanUp();
  process.exit(error ? 1 : 0);
}

process.once('SIGINT', () => end(new Error('stopped')));
process.once('SIGTERM', () => end(new Error('stopped')));
setTimeout(() => end(new Error(`not done within ${MINUTES} minutes`)), MINUTES * 60_000);
main().then(() => end(), end);
