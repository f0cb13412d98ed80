import { createHash } from 'node:crypto';

/** A series of choices that looks random and is equal for an equal seed, so that a run can be repeated. */
export class Seeded {
  private count = 0;

  constructor(private readonly seed: number) {}

  public pick<T>(values: readonly T[]): T {
    const digest = createHash('sha256').update(`${this.seed} ${this.count++}`).digest();
    return values[digest.readUInt32BE() % values.length];
  }
}
