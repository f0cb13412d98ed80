export interface Delays {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Doubling, with up to half of it left to chance (0 to 1) so that programs in parallel spread out. */
export function backoff(tries: number, chance: number, { firstMs, longestMs }: Delays): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(tries, 10));
  return Math.round(full * (1 - chance / 2));
}
