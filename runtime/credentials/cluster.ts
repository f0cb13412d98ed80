import type { RandomSource } from './generators';
import type { Log } from './log';
import type { SecretsApi } from './secrets-api';

/** What settling the Secrets of a plan needs of the world. */
export interface Cluster {
  readonly api: SecretsApi;
  readonly namespace: string;
  readonly random: RandomSource;
  readonly log: Log;
  /** Repeats what may pass, until it does or time is up. */
  retry<T>(secret: string, attempt: () => Promise<T>): Promise<T>;
  /** True when another plan than this run's was applied meanwhile. */
  superseded(): Promise<boolean>;
}
