import { elementCount, type Tensor } from '@covey/protocol';
import { elementsOf, sharedMemory, type Tensors } from '../tensors/index.ts';
import { type Joiner, splitOutputs } from './join.ts';
import type { Profile } from './profile.ts';

/** Runs inputs of so many rows once, with nobody else's, and notes the duration in the profile. */
export type TrialRun = (inputs: Tensors, rows: number) => Promise<{ outputs: Tensors; inferMs: number }>;

/** Runs of one size: what disturbs one of them shall not decide. */
const runsPerSize = 3;
/** A larger batch must make this much more of a thread; after so many sizes in a row that do not, no larger is tried. */
const worthGrowing = 1.02;
const mostStalls = 2;
/** No batch is tried that would take longer than this and than some runs of one: requests wait while it runs. */
const longestMs = 50;
const longestSingles = 4;
/** Of the largest magnitude in an output, how far a row may be off when it runs with others: other kernels round otherwise. */
const closeness = { FP16: 1e-2, FP32: 1e-4, FP64: 1e-4 };

/**
 * Finds out whether inferences run together answer as they do alone, and how long batches take. Two different inferences
 * are run alone and then joined in growing numbers; as soon as a row differs, joining is refused for good: the dimension
 * is not one of independent inferences, or quantization looks at all of them. Undecided when no two can be told apart.
 * Errors: those of running.
 */
export async function proveJoining(
  joiner: Joiner,
  profile: Profile,
  sample: Tensors,
  run: TrialRun,
): Promise<void> {
  const other = altered(sample);
  if (other === undefined) return;
  const alone = [(await run(sample, 1)).outputs, (await run(other, 1)).outputs] as const;
  let bestThroughput = 0;
  let stalls = 0;
  let singleMs = Number.POSITIVE_INFINITY;
  for (let rows = 1; rows <= profile.mostRows; rows *= 2) {
    const members = Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? sample : other));
    const memory = sharedMemory(joiner.sizeBytes(sample, 1, rows));
    const joined = joiner.join(members, rows, memory);
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let repeat = 0; repeat < runsPerSize; repeat++) {
      const { outputs, inferMs } = await run(joined, rows);
      if (repeat === 0 && rows > 1) {
        const axes = batchAxes(alone[0], outputs, rows);
        if (axes === undefined || !areRowsAlike(outputs, axes, alone, rows)) {
          profile.joinability = 'refused';
          return;
        }
        profile.outputAxes = axes;
      }
      fastestMs = Math.min(fastestMs, inferMs);
    }
    const throughput = rows / fastestMs;
    stalls = throughput < bestThroughput * worthGrowing ? stalls + 1 : 0;
    if (stalls === mostStalls) break;
    bestThroughput = Math.max(bestThroughput, throughput);
    singleMs = Math.min(singleMs, fastestMs);
    const nextMs = rows === 1 ? fastestMs : profile.predictMs(rows * 2);
    if (nextMs > Math.max(longestMs, longestSingles * singleMs)) break;
  }
  // With nothing joined, nothing has been shown.
  if (profile.outputAxes.size > 0) profile.joinability = 'proven';
}

/** Another inference of the same form, within the range of the first; undefined when there is none to make. */
function altered(sample: Tensors): Tensors | undefined {
  let differs = false;
  const entries = Object.entries(sample).map(([name, tensor]): [string, Tensor] => {
    const { datatype, shape } = tensor;
    if (datatype === 'BYTES' || shape.length === 0) return [name, tensor];
    const data = tensor.data.slice();
    const elements = elementsOf(datatype, data);
    elements.reverse();
    if (datatype === 'FP32' || datatype === 'FP64') {
      for (let i = 0; i < elements.length; i++)
        elements[i] = Number(elements[i]) * 0.75 + 0.1 * Math.sin(i * i + 1);
    }
    differs ||= data.some((byte, at) => byte !== tensor.data[at]);
    return [name, { ...tensor, data }];
  });
  return differs ? Object.fromEntries(entries) : undefined;
}

/** By output, the dimension that grew with the number of rows; undefined when one has none, or another dimension changed too. */
function batchAxes(alone: Tensors, joined: Tensors, rows: number): ReadonlyMap<string, number> | undefined {
  const axes = new Map<string, number>();
  for (const [name, { shape }] of Object.entries(joined)) {
    const before = alone[name]?.shape ?? [];
    const changed = shape.flatMap((size, at) => (size === before[at] ? [] : [at]));
    const [axis] = changed;
    if (axis === undefined || changed.length > 1 || before[axis] !== 1 || shape[axis] !== rows)
      return undefined;
    axes.set(name, axis);
  }
  return axes;
}

function areRowsAlike(
  joined: Tensors,
  axes: ReadonlyMap<string, number>,
  alone: readonly [Tensors, Tensors],
  rows: number,
): boolean {
  for (let row = 0; row < rows; row++) {
    const expected = alone[row % 2 === 0 ? 0 : 1];
    const found = splitOutputs(joined, axes, row, 1);
    for (const [name, tensor] of Object.entries(found)) {
      const before = expected[name];
      if (before === undefined || !isAlike(tensor, before)) return false;
    }
  }
  return true;
}

function isAlike(found: Tensor, expected: Tensor): boolean {
  const { datatype } = found;
  if (elementCount(found.shape) !== elementCount(expected.shape) || datatype === 'BYTES') return false;
  if (datatype !== 'FP16' && datatype !== 'FP32' && datatype !== 'FP64') {
    return found.data.every((byte, at) => byte === expected.data[at]);
  }
  const values = floatsOf(found);
  const wanted = floatsOf(expected);
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i] ?? 0));
  const bound = closeness[datatype] * largest;
  for (let i = 0; i < wanted.length; i++) {
    const [value = 0, other = 0] = [values[i], wanted[i]];
    if (!Object.is(value, other) && !(Math.abs(value - other) <= bound)) return false;
  }
  return true;
}

function floatsOf({ datatype, data }: Tensor): ArrayLike<number> {
  const bytes = data.slice();
  if (datatype === 'FP16') return new Float16Array(bytes.buffer);
  return datatype === 'FP32' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}
