import { Part } from './part';

/** One thing that is wrong. */
export interface Finding {
  /** Name of the kind of finding, for scripts, e.g. `image-pull`. */
  readonly check: string;
  /** `warning`: the platform works, but something will go wrong, or is not proven. */
  readonly severity: 'error' | 'warning';
  /** The object that is at fault, as kubectl writes it, e.g. `deployment/mlflow-server`. */
  readonly object: string;
  readonly namespace: string;
  /** What is wrong: sentences with the names of objects, without a value of a Secret. */
  readonly says: string;
  /** What to do. */
  readonly todo: string;
  /** The parts of the platform that it affects. */
  readonly parts: readonly Part[];
  /**
   * True if it can also follow from another finding, e.g. a pod that is not Ready. It is then reported as a consequence of
   * that one.
   */
  readonly symptom?: boolean;
}

/** A finding with the sentences of its consequences. */
export interface Cause extends Finding {
  readonly consequences: readonly string[];
}
