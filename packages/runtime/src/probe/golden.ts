import {
  type Golden,
  GoldenSchema,
  limits,
  parseDocument,
  type Tensor,
  type TensorDocument,
  type Tolerance,
} from '@covey/protocol';
import type { Files } from '../platform/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { largestError, mismatch } from './elements.ts';
import { requireTolerance } from './tolerance.ts';

/** One golden vector: inputs, and the outputs the publisher's run gave. */
export interface Vector {
  inputs: Tensors;
  outputs: Tensors;
}

/** Reads golden vectors. Errors: NOT_FOUND (no file), and those of parseDocument. */
export async function readGolden(files: Files, path: string): Promise<Vector[]> {
  const bytes = await files.read(path);
  // Base64 is 4/3 of the bytes it stands for.
  const golden: Golden = parseDocument(GoldenSchema, bytes, 'golden vectors', limits.goldenBytes * 2);
  return golden.vectors.map(({ inputs, outputs }) => ({ inputs: decode(inputs), outputs: decode(outputs) }));
}

function decode(documents: Record<string, TensorDocument>): Tensors {
  return Object.fromEntries(
    Object.entries(documents).map(([name, { datatype, shape, data }]): [string, Tensor] => [
      name,
      { datatype, shape, data: Uint8Array.fromBase64(data) },
    ]),
  );
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
