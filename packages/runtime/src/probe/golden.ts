import { readFile } from 'node:fs/promises';
import {
  CoveyError,
  type Golden,
  GoldenSchema,
  limits,
  type ProbeVariant,
  parseDocument,
  type Tensor,
  type TensorDocument,
} from '@covey/protocol';
import { decodeTexts, elementsOf, type Tensors } from '../executor/index.ts';

/** One golden vector: inputs, and the outputs the publisher's run gave. */
export interface Vector {
  inputs: Tensors;
  outputs: Tensors;
}

/** Reads golden vectors. Errors: NOT_FOUND (no file), and those of parseDocument. */
export async function readGolden(path: string): Promise<Vector[]> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new CoveyError('NOT_FOUND', `golden vectors: ${cause.message}`, { cause });
  });
  // Base64 is 4/3 of the bytes it stands for.
  const golden: Golden = parseDocument(GoldenSchema, bytes, 'golden vectors', limits.goldenBytes * 2);
  return golden.vectors.map(({ inputs, outputs }) => ({ inputs: decode(inputs), outputs: decode(outputs) }));
}

function decode(documents: Record<string, TensorDocument>): Tensors {
  return Object.fromEntries(
    Object.entries(documents).map(([name, { datatype, shape, data }]): [string, Tensor] => [
      name,
      // A copy: small Buffers share a pool and are not aligned.
      { datatype, shape, data: new Uint8Array(Buffer.from(data, 'base64')) },
    ]),
  );
}

/**
 * The largest absolute error of `actual` against a golden vector's outputs, when every element is within
 * |actual - expected| <= absolute + relative * |expected| (protocol, VariantSchema). Texts must be equal.
 * Errors: GOLDEN_MISMATCH naming the output, the element, what was expected and what came.
 */
export function compareWithGolden(
  actual: Tensors,
  expected: Tensors,
  tolerance: ProbeVariant['tolerance'],
): number {
  let maxError = 0;
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name];
    if (got === undefined || got.datatype !== wanted.datatype || got.shape.join() !== wanted.shape.join()) {
      throw mismatch(name, `expected ${described(wanted)}, got ${got ? described(got) : 'nothing'}`);
    }
    maxError = Math.max(maxError, compareElements(name, got, wanted, tolerance));
  }
  return maxError;
}

function compareElements(
  name: string,
  got: Tensor,
  wanted: Tensor,
  { absolute, relative }: ProbeVariant['tolerance'],
): number {
  const [actual, expected] = [valuesOf(got), valuesOf(wanted)];
  let maxError = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (Object.is(a, b)) continue;
    const error = Math.abs(Number(a) - Number(b));
    // Written so that NaN is a mismatch.
    if (typeof b === 'string' || !(error <= absolute + relative * Math.abs(Number(b)))) {
      throw mismatch(name, `element ${i}: expected ${b}, got ${a}`);
    }
    maxError = Math.max(maxError, error);
  }
  return maxError;
}

function valuesOf({ datatype, shape, data }: Tensor): ArrayLike<number | bigint | string> {
  if (datatype === 'BYTES')
    return decodeTexts(
      data,
      shape.reduce((a, b) => a * b, 1),
    );
  if (datatype === 'FP16') return new Float16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return elementsOf(datatype, data);
}

function mismatch(name: string, what: string): CoveyError {
  return new CoveyError('GOLDEN_MISMATCH', `output ${name}: ${what}`);
}

function described({ datatype, shape }: Tensor): string {
  return `${datatype} [${shape}]`;
}
