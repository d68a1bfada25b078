import type { ModelSchema, Placement, Provider, Tolerance } from '@covey/protocol';
import type { Vector } from './golden.ts';

/** A variant on one provider with so many threads. */
export interface TrialSpec {
  path: string;
  schema: ModelSchema;
  tolerances: readonly Tolerance[];
  provider: Provider;
  threads: number;
  goldenPath: string | undefined;
}

/** What loading it, warming it and running its golden vectors showed. */
export interface Check {
  /** Null without golden vectors. */
  maxError: number | null;
  /** Null where there is no process to look into. */
  memoryBytes: number | null;
  /** Median of the golden vectors' runs; null without any. */
  latencyMs: number | null;
}

/** A variant that computes what it should, ready to be timed. */
export interface Trial {
  check: Check;
  /** Median of `runs` runs in a row on the golden vector that is `round`'s; milliseconds. */
  turn(round: number, runs: number): Promise<number>;
  /** Ends it; says where its nodes ran, where that is not the CPU alone. */
  close(): Promise<Placement[] | undefined>;
}

/**
 * Loads a variant, warms it on zeros and on what its golden vectors hold, and compares. `timeLeftMs` bounds each request to
 * what may never answer. Errors: those of openSession, INFERENCE_FAILED, GOLDEN_MISMATCH; RUNTIME_DIED, DEADLINE_EXCEEDED.
 */
export type OpenTrial = (
  spec: TrialSpec,
  vectors: readonly Vector[],
  timeLeftMs: () => number,
) => Promise<Trial>;
