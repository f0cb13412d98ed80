/**
 * What an attempt that failed means for the run:
 * `transient` may pass, `forbidden` may pass while a new RoleBinding spreads,
 * `rejected` ends only this Secret, `fatal` ends the run.
 */
export type FailureKind = 'transient' | 'forbidden' | 'rejected' | 'fatal';

export class Failure extends Error {
  constructor(
    public readonly kind: FailureKind,
    message: string,
    /** How long the server asked to wait before the next request. */
    public readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = 'Failure';
  }
}

/** The pod is set up wrongly: no repetition helps. */
export class SetupError extends Error {}
