/** A clock that never steps, and the one of the calendar, both in milliseconds. */
export interface Clocks {
  readonly steady: () => number;
  readonly calendar: () => number;
}

/**
 * How long things have been as they are. The calendar may step at any moment, so it is asked once for each thing, for what
 * was before this process saw it; from then on a clock that never steps counts.
 */
export class Ages {
  private readonly known = new Map<string, { readonly as: unknown; readonly since: number }>();

  constructor(private readonly clocks: Clocks) {}

  /**
   * Milliseconds since this process first saw `what` be `as`.
   *
   * @param began when it began by this machine's calendar, if that was written down
   */
  of(what: string, as: unknown, began?: number): number {
    const now = this.clocks.steady();
    let known = this.known.get(what);
    if (!known || known.as !== as) {
      known = { as, since: now - (began === undefined ? 0 : Math.max(0, this.clocks.calendar() - began)) };
      this.known.set(what, known);
    }
    return now - known.since;
  }
}
