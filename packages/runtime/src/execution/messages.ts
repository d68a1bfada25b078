import type { ErrorDocument } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';

/** What a runner is asked. `model` is a number that the asker chose when it loaded the file. */
export type RunnerRequest =
  | { kind: 'load'; model: number; path: string; threads: number }
  | { kind: 'run'; model: number; inputs: Tensors }
  | { kind: 'release'; model: number }
  | { kind: 'time'; models: number[]; samples: Tensors[]; rounds: number; limitMs: number }
  | { kind: 'peak'; path: string; threads: number; samples: Tensors[] };

export type ToRunner = RunnerRequest & { id: number };

/** `outputs` answer `run`, `latenciesMs` (per model, by round) `time`, `peakBytes` `peak`. */
export interface RunnerAnswer {
  outputs?: Tensors;
  latenciesMs?: number[][];
  peakBytes?: number;
}

export type FromRunner =
  | ({ id: number; kind: 'done' } & RunnerAnswer)
  | { id: number; kind: 'failed'; error: ErrorDocument };
