import type { Ask } from './cluster';
import { explain } from '../kubernetes/explain';
import { Failure } from '../kubernetes/failure';

export interface LeaseOptions {
  readonly name: string;
  readonly namespace: string;
  readonly holder: string;
}

const leaseSeconds = 15;
/** The holder stops acting this long before another may start. */
const marginMs = 5_000;

/** What a replica has seen of the Lease, and when by its own clock it saw it change: no two clocks are compared. */
export interface Observed {
  readonly version: string;
  readonly changedAt: number;
}

/** Whether `me` may write its name into the Lease. */
function mayTake(lease: any, me: string, observed: Observed, now: number): boolean {
  const { holderIdentity = '', leaseDurationSeconds = leaseSeconds } = lease.spec ?? {};
  return holderIdentity === '' || holderIdentity === me || now - observed.changedAt >= leaseDurationSeconds * 1000;
}

/** One of several replicas acts: the one whose name is in the Lease. */
export class Election {
  private observed?: Observed;
  private validUntil = -Infinity;

  constructor(
    private readonly ask: Ask,
    private readonly options: LeaseOptions,
    /** A clock that never goes back, in milliseconds, and the one of the calendar. */
    private readonly clock: { readonly steady: () => number; readonly calendar: () => number },
  ) {}

  holds(): boolean {
    return this.clock.steady() < this.validUntil;
  }

  /** Takes or renews the Lease if that may be; whether it is held afterwards. */
  async turn(): Promise<boolean> {
    const started = this.clock.steady();
    const lease = (await this.read()) ?? (await this.create());
    if (!lease) return this.holds();
    const version = String(lease.metadata.resourceVersion);
    if (this.observed?.version !== version) this.observed = { version, changedAt: this.clock.steady() };
    const { holder } = this.options;
    if (lease.spec?.holderIdentity !== holder) this.validUntil = -Infinity;
    if (!mayTake(lease, holder, this.observed, this.clock.steady())) return false;
    if (await this.write(lease, this.taken(lease))) this.validUntil = started + leaseSeconds * 1000 - marginMs;
    return this.holds();
  }

  /** Lets another replica start at once. */
  async release(): Promise<void> {
    if (!this.holds()) return;
    this.validUntil = -Infinity;
    const lease = await this.read();
    if (lease?.spec?.holderIdentity !== this.options.holder) return;
    await this.write(lease, { ...lease.spec, holderIdentity: '', renewTime: this.now() });
  }

  private taken(lease: any): object {
    const { holder } = this.options;
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = lease.spec ?? {};
    const again = holderIdentity === holder && acquireTime;
    return {
      holderIdentity: holder,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: again ? acquireTime : this.now(),
      renewTime: this.now(),
      leaseTransitions: again ? leaseTransitions : leaseTransitions + 1,
    };
  }

  private get path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(this.options.namespace)}/leases`;
  }

  private async read(): Promise<any> {
    const answer = await this.ask({ method: 'GET', path: `${this.path}/${encodeURIComponent(this.options.name)}` });
    const body = answer.body as any;
    if (answer.status === 200 && body?.kind === 'Lease' && body.metadata?.resourceVersion) return body;
    if (answer.status === 404 && body?.reason === 'NotFound') return undefined;
    throw new Failure('transient', `API server: get Lease: ${explain(answer)}`);
  }

  /** Without a holder: the first replica takes it at once. Undefined if another replica created it meanwhile. */
  private async create(): Promise<any> {
    const { name, namespace } = this.options;
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace } };
    const answer = await this.ask({ method: 'POST', path: this.path, body: { ...lease, spec: {} } });
    if (answer.status === 201) return answer.body;
    if (answer.status === 409) return undefined;
    throw new Failure('transient', `API server: create Lease: ${explain(answer)}`);
  }

  /** False if another replica was faster. */
  private async write(lease: any, spec: object): Promise<boolean> {
    const path = `${this.path}/${encodeURIComponent(this.options.name)}`;
    const answer = await this.ask({ method: 'PUT', path, body: { ...lease, spec } });
    if (answer.status === 200) return true;
    if (answer.status === 409) return false;
    throw new Failure('transient', `API server: update Lease: ${explain(answer)}`);
  }

  private now(): string {
    return new Date(this.clock.calendar()).toISOString().replace('Z', '000Z');
  }
}
