import { parseGolden, type Tensor, type Tolerance } from '@covey/protocol';
import type { Files } from '../platform/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { largestError, mismatch } from './elements.ts';
import { requireTolerance } from './tolerance.ts';

/** One golden vector: inputs, and the outputs the publisher's run gave. */
export interface Vector {
  inputs: Tensors;
  outputs: Tensors;
}

/** Reads golden vectors. Errors: NOT_FOUND (no file), and those of parseGolden. */
export async function readGolden(files: Files, path: string): Promise<Vector[]> {
  return parseGolden(await files.read(path));
}

/**
 * The largest absolute error of any number of `actual` against a golden vector's outputs, when every tolerance holds
 * (protocol, ToleranceSchema). Outputs have the golden ones' types and shapes whatever the tolerances are about.
 * Errors: GOLDEN_MISMATCH naming the output, what was expected and what came.
 */
export function compareWithGolden(
  actual: Tensors,
  expected: Tensors,
  tolerances: readonly Tolerance[],
): number {
  let maxError = 0;
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name];
    if (got === undefined || got.datatype !== wanted.datatype || got.shape.join() !== wanted.shape.join()) {
      throw mismatch(name, `expected ${described(wanted)}, got ${got ? described(got) : 'nothing'}`);
    }
    maxError = Math.max(maxError, largestError(got, wanted));
  }
  for (const tolerance of tolerances) requireTolerance(actual, expected, tolerance);
  return maxError;
}

function described({ datatype, shape }: Tensor): string {
  return `${datatype} [${shape}]`;
}
