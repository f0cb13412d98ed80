import { Agent } from 'node:https';
import { look, patch, type SeenDeployment } from './deployment';
import { fieldManager } from './names';
import type { State } from './state';
import type { DeployerTarget } from './targets';
import type { EventText } from './words';
import { explain } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';
import { type Answer, type Call, send } from '../kubernetes/http';
import type { ServiceAccount } from '../kubernetes/service-account';

export interface ApiServer {
  readonly host: string;
  readonly port: number;
  /** Read anew for every request: the kubelet renews tokens in place. */
  readonly account: () => ServiceAccount;
  readonly timeoutMs: number;
  /** Called with every answer. */
  readonly beat: () => void;
}

type Request = Pick<Call, 'method' | 'path' | 'body' | 'contentType'>;
export type Ask = (request: Request) => Promise<Answer>;

/** Requests to the API server over connections that are kept. */
export function apiServer({ host, port, account, timeoutMs, beat }: ApiServer): Ask {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return async (request) => {
    const { ca, token } = account();
    const identity = { ca, authorization: `Bearer ${token}`, userAgent: 'cdk8s-mlflow-deployer' };
    try {
      return await send({ ...request, ...identity, host, port, timeoutMs, agent });
    } catch (error) {
      throw error instanceof Failure ? new Failure('transient', `API server: ${error.message}`) : error;
    } finally {
      beat();
    }
  };
}

export interface Cluster {
  get(target: DeployerTarget): Promise<SeenDeployment | 'absent'>;
  /** The Deployment afterwards; `conflict` when it is no longer the one that was seen. */
  apply(target: DeployerTarget, seen: SeenDeployment, state: State): Promise<SeenDeployment | 'conflict'>;
  event(target: DeployerTarget, uid: string, event: EventText): Promise<void>;
}

export function cluster(ask: Ask, reporter: { readonly instance: string; readonly now: () => number }): Cluster {
  const path = ({ namespace, deployment }: DeployerTarget) =>
    `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments/${encodeURIComponent(deployment)}`;
  let events = 0;
  return {
    async get(target) {
      const answer = await ask({ method: 'GET', path: path(target) });
      const seen = answer.status === 200 ? look(answer.body, target) : undefined;
      if (seen) return seen;
      // A proxy in between may say 404 as well; only the API server's own counts.
      if (answer.status === 404 && isNotFound(answer)) return 'absent';
      throw failure('get Deployment', answer);
    },

    async apply(target, seen, state) {
      const answer = await ask({
        method: 'PATCH',
        path: `${path(target)}?fieldManager=${fieldManager}&force=true`,
        contentType: 'application/apply-patch+yaml',
        body: patch(target, seen, state),
      });
      const after = answer.status === 200 ? look(answer.body, target) : undefined;
      if (after) return after;
      if (answer.status === 409) return 'conflict';
      throw failure('patch Deployment', answer);
    },

    async event(target, uid, { type, reason, action, note }) {
      const time = new Date(reporter.now()).toISOString();
      const { namespace, deployment } = target;
      // Unlike the one before, and unlike the other replica's.
      const name = `${deployment.slice(0, 200)}.${reporter.now().toString(16)}${(events++ % 4096).toString(16)}`;
      const answer = await ask({
        method: 'POST',
        path: `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`,
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name, namespace },
          eventTime: time.replace('Z', '000Z'),
          reportingController: fieldManager,
          reportingInstance: reporter.instance.slice(0, 128),
          ...{ type, reason, action, note: cut(note, 1024) },
          regarding: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment, namespace, uid },
        },
      });
      if (answer.status !== 201) throw failure('create Event', answer);
    },
  };
}

/** The API server counts bytes. */
function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text, 'utf8');
  return buffer.length <= bytes ? text : buffer.subarray(0, bytes).toString('utf8').replace(/�+$/, '');
}

function isNotFound({ body }: Answer): boolean {
  const status = body as { kind?: unknown; reason?: unknown } | null | undefined;
  return status?.kind === 'Status' && status.reason === 'NotFound';
}

function failure(what: string, answer: Answer): Failure {
  return new Failure('transient', `API server: ${what}: ${explain(answer)}`);
}
