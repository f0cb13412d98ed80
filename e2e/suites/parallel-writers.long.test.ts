// Many writers at once, with few connections to the database, lose no metric and no trace.
import { Size } from 'cdk8s';
import { MlflowPlatform } from '../../lib';
import { ClientPod, throughTheProxy } from '../lib/client-pod';
import { Namespace } from '../lib/namespace';
import { little, Platform } from '../lib/platform';

const WRITERS = 40;
const CALLS = 3;
const STEPS = 50;
const namespace = new Namespace('mlflow-e2e-writers');

function platform(replicas: number): Platform {
  return new Platform(namespace, 'mlflow', (chart) => {
    new MlflowPlatform(chart, 'mlflow', {
      postgres: { resources: little, storage: Size.gibibytes(1) },
      minio: { resources: little, storage: Size.gibibytes(1) },
      server: { resources: little, proxyResources: little, replicas },
    });
  });
}

interface Report {
  readonly calls: number;
  readonly refused: Record<string, number>;
  readonly stored: number;
  readonly storedInTheBackground: number;
  readonly traces: number;
  readonly p99: number;
  readonly longest: number;
}

afterAll(() => {
  if (!process.env.E2E_KEEP) namespace.remove();
});

describe(`${WRITERS} writers of metrics and traces at once, and one in the background,`, () => {
  let client: ClientPod;

  beforeAll(async () => {
    await platform(1).install(1);
    client = ClientPod.start(namespace, 'writers', throughTheProxy());
  });

  test.each([1, 3])('lose no metric and no trace with servers: %d', async (servers) => {
    const grown = platform(servers);
    grown.synth().apply();
    await grown.untilReady(servers, 300);
    const { p99, longest, ...report } = await client.report<Report>('parallel_writers.py', String(WRITERS));
    process.stdout.write(`${servers} servers: p99 ${p99} s, longest ${longest} s\n`);
    expect(report).toEqual({
      calls: WRITERS * (CALLS + 1),
      refused: {},
      stored: WRITERS * CALLS,
      storedInTheBackground: STEPS,
      traces: WRITERS,
    });
  });
});
