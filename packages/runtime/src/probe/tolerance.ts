import type { Tensor, Tolerance } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { requireSameBoxes } from './boxes.ts';
import { mismatch, numbersOf, valuesOf } from './elements.ts';

type Of<Kind extends Tolerance['kind']> = Extract<Tolerance, { kind: Kind }>;

/**
 * Nothing when `actual` is within the tolerance of `expected`, as protocol's ToleranceSchema defines it; types and shapes
 * are known to be equal. Errors: GOLDEN_MISMATCH naming the output and what is off.
 */
export function requireTolerance(actual: Tensors, expected: Tensors, tolerance: Tolerance): void {
  switch (tolerance.kind) {
    case 'elements':
      for (const name of Object.keys(expected))
        requireElements(name, ...both(name, actual, expected), tolerance);
      break;
    case 'relative-error':
      requireRelativeError(...both(tolerance.output, actual, expected), tolerance);
      break;
    case 'classes':
      requireClasses(...both(tolerance.output, actual, expected), tolerance);
      break;
    case 'boxes': {
      const [boxes, scores] = [tolerance.boxes, tolerance.scores];
      requireSameBoxes(both(boxes, actual, expected), both(scores, actual, expected), tolerance);
      break;
    }
  }
}

function both(name: string, actual: Tensors, expected: Tensors): [Tensor, Tensor] {
  const [got, wanted] = [actual[name], expected[name]];
  if (!got || !wanted) throw mismatch(name, 'the golden vector does not have it');
  return [got, wanted];
}

function requireElements(
  name: string,
  got: Tensor,
  wanted: Tensor,
  { absolute, relative }: Of<'elements'>,
): void {
  const [actual, expected] = [valuesOf(got), valuesOf(wanted)];
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (Object.is(a, b)) continue;
    const error = Math.abs(Number(a) - Number(b));
    // Written so that NaN is a mismatch, and infinity too, of which any share is infinite.
    const isClose = error <= absolute + relative * Math.abs(Number(b)) && error < Number.POSITIVE_INFINITY;
    if (typeof b === 'string' || !isClose) {
      throw mismatch(name, `element ${i}: expected ${b}, got ${a}`);
    }
  }
}

function requireRelativeError(
  got: Tensor,
  wanted: Tensor,
  { output, absolute, relative }: Of<'relative-error'>,
): void {
  if (!wanted.datatype.startsWith('FP')) {
    requireElements(output, got, wanted, { kind: 'elements', absolute: 0, relative: 0 });
    return;
  }
  const [actual, expected] = [numbersOf(output, got), numbersOf(output, wanted)];
  let squaredError = 0;
  let squaredNorm = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a = Number.NaN, b = Number.NaN] = [actual[i], expected[i]];
    // Equal infinities differ by NaN; NaN on both sides is the same answer too.
    if (!Number.isFinite(b) && Object.is(a, b)) continue;
    squaredError += (a - b) ** 2;
    squaredNorm += b ** 2;
  }
  const elements = Math.max(1, expected.length);
  const [error, norm] = [Math.sqrt(squaredError / elements), Math.sqrt(squaredNorm / elements)];
  // An infinite norm allows no infinite error: NaN and infinity are mismatches.
  if (!(error <= absolute + relative * norm && error < Number.POSITIVE_INFINITY)) {
    throw mismatch(output, `its root mean square error is ${shown(error)}, of outputs of ${shown(norm)}`);
  }
}

function requireClasses(got: Tensor, wanted: Tensor, { output, margin }: Of<'classes'>): void {
  const classes = wanted.shape.at(-1) ?? 0;
  const [actual, expected] = [numbersOf(output, got), numbersOf(output, wanted)];
  for (let start = 0; classes > 0 && start < expected.length; start += classes) {
    const [decided, meant] = [greatest(actual, start, classes), greatest(expected, start, classes)];
    if (decided === meant) continue;
    const row = start / classes;
    if (decided === undefined || meant === undefined) throw mismatch(output, `row ${row} decides nothing`);
    const lead = (expected[start + meant] ?? Number.NaN) - (expected[start + decided] ?? Number.NaN);
    if (lead > margin)
      throw mismatch(output, `row ${row}: expected class ${meant}, got ${decided} (${shown(lead)} below it)`);
  }
}

/** The place of the greatest of a row, the first of equals; undefined where an element is no number. */
function greatest(values: ArrayLike<number>, start: number, count: number): number | undefined {
  let best = 0;
  for (let i = 0; i < count; i++) {
    const value = values[start + i] ?? Number.NaN;
    if (Number.isNaN(value)) return undefined;
    if (value > (values[start + best] ?? Number.NaN)) best = i;
  }
  return best;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}
