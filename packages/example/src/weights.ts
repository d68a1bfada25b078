import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CoveyError } from '@covey/protocol';
import first from '../weights/1.0.0.json' with { type: 'json' };
import second from '../weights/1.1.0.json' with { type: 'json' };
import type { Evaluation } from './evaluation.ts';
import { type Parameters, parameterCount, parametersOf } from './network.ts';

const reports = { '1.0.0': first, '1.1.0': second };

/** The versions whose weights were trained; the others are made from these. */
export type TrainedVersion = keyof typeof reports;

/**
 * The weights that src/train.ts made, and how they did on the held-out windows.
 * Errors: DATA_CORRUPT (the file is not the one that the report is about).
 */
export function trainedWeights(version: TrainedVersion): { parameters: Parameters; evaluation: Evaluation } {
  const { sha256, ...evaluation } = reports[version];
  const bytes = readFileSync(new URL(`../weights/${version}.bin`, import.meta.url));
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== sha256 || bytes.byteLength !== parameterCount * Float32Array.BYTES_PER_ELEMENT) {
    throw new CoveyError(
      'DATA_CORRUPT',
      `weights/${version}.bin of the example is not the file its report names`,
    );
  }
  return { parameters: parametersOf(new Float32Array(new Uint8Array(bytes).buffer)), evaluation };
}
