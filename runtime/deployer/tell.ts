import type { Cluster } from './cluster';
import type { Wanted } from './decide';
import type { SeenDeployment } from './deployment';
import type { Log } from './log';
import type { Metrics } from './metrics';
import { outcomeTag } from './names';
import type { Written } from './registry';
import type { DeployerTarget } from './targets';
import type { EventText, News, Notice } from './words';
import { Failure } from '../kubernetes/failure';

/** Says what happens to people (logs, Events) and to Prometheus. Nothing depends on whether it was heard. */
export class Tell {
  private readonly said = new Map<string, string>();

  constructor(
    private readonly log: Log,
    private readonly metrics: Metrics,
    private readonly cluster: Pick<Cluster, 'event'>,
  ) {}

  async news(target: DeployerTarget, uid: string, { outcome, event }: News): Promise<void> {
    this.log(event.type === 'Normal' ? 'info' : 'warn', event.note, { ...about(target), event: event.reason });
    this.metrics.rollouts.inc({ namespace: target.namespace, deployment: target.deployment, outcome });
    await this.event(target, uid, event);
  }

  /** Said once, until another notice follows. */
  async notice(target: DeployerTarget, uid: string | undefined, { code, level, text }: Notice): Promise<void> {
    const name = `${target.namespace}/${target.deployment}`;
    if (this.said.get(name) === code) return;
    this.said.set(name, code);
    this.log(level, text, { ...about(target), notice: code });
    const reason = code.replace(/-.*/, '');
    if (level === 'warn' && uid) {
      await this.event(target, uid, { type: 'Warning', reason, action: 'Follow', note: text });
    }
  }

  state({ namespace, deployment, model }: DeployerTarget, wanted: Wanted, seen: SeenDeployment | 'absent'): void {
    const state = seen === 'absent' ? undefined : seen.state;
    this.metrics.version(`${namespace}/${deployment}`, {
      ...{ namespace, deployment, model },
      wanted: wanted.is === 'version' ? wanted.version : '',
      version: state?.version ?? '',
      phase: state?.phase ?? '',
    });
  }

  tagged(target: DeployerTarget, version: string, outcome: string, written: readonly Written[]): void {
    const fields = { ...about(target), version, tag: outcomeTag(target), value: outcome };
    if (written.includes('refused')) this.log('warn', 'the registry refused the tag; its login may not set it', fields);
    else if (written.includes('gone')) this.log('warn', 'the version is gone, so it was not tagged', fields);
    else this.log('info', 'tagged', fields);
  }

  private async event(target: DeployerTarget, uid: string, event: EventText): Promise<void> {
    try {
      await this.cluster.event(target, uid, event);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.log('warn', `Event not created: ${error.message}`, { ...about(target), event: event.reason });
    }
  }
}

export const about = ({ namespace, deployment, model }: DeployerTarget) => ({ namespace, deployment, model });
