import { createHash } from 'node:crypto';
import { CoveyError, type Tensor } from '@covey/protocol';
import type { Source } from './source.ts';

/** The inputs of one run, by name. */
export type Sample = Record<string, Tensor>;

/** Samples that can be gone through any number of times, always in the same order. */
export interface SampleSet {
  count: number;
  /** What each is called, in messages and reports: file, and place in it. */
  names: string[];
  /** The class of each, an index into `classNames`, where the samples lie in folders named after classes. */
  labels: number[] | undefined;
  classNames: string[] | undefined;
  /** What they are, in words, for a report. */
  describe: string;
  /** Errors: those of reading and preprocessing, each naming its file; those of `carry.run`. */
  samples(): AsyncIterable<Sample>;
  /** Some of them, by position in `names`; positions rise. */
  pick(positions: readonly number[]): SampleSet;
}

/** Samples are read again and again while a model is quantized: as many as fit are kept as tensors. */
const keptBytes = 512 * 1024 * 1024;

/** All samples of a source. */
export function createSampleSet(source: Source): SampleSet {
  return setOf(source, keeping(source), [...source.names.keys()]);
}

function setOf(source: Source, read: Source['read'], indices: readonly number[]): SampleSet {
  const { names, labels, classNames, describe } = source;
  return {
    count: indices.length,
    names: indices.map((index) => names[index] ?? ''),
    labels: labels && indices.map((index) => labels[index] ?? -1),
    classNames,
    describe: indices.length === names.length ? describe : `${indices.length} of ${describe}`,
    samples: async function* () {
      for (const index of indices) yield await read(index);
    },
    pick: (positions) => {
      const picked = positions.flatMap((position) => indices[position] ?? []);
      return setOf(source, read, picked);
    },
  };
}

function keeping(source: Source): Source['read'] {
  const kept = new Map<number, Sample>();
  let bytes = 0;
  return async (index) => {
    const before = kept.get(index);
    if (before) return before;
    const sample = await source.read(index);
    bytes += Object.values(sample).reduce((sum, { data }) => sum + data.byteLength, 0);
    if (bytes <= keptBytes) kept.set(index, sample);
    return sample;
  };
}

/** `count` samples spread evenly over all, so that no class is left out because its folder sorts last. */
export function thinned(set: SampleSet, count: number): SampleSet {
  if (count >= set.count) return set;
  return set.pick(Array.from({ length: count }, (_, i) => Math.floor((i * set.count) / count)));
}

/**
 * Two parts without a sample in common, at least one in each: chosen by the SHA-256 of names, so that the same files are
 * held out every time, and adding files moves few. Windows of one recording resemble their neighbours: an error on those
 * held out is then a little too good. Errors: INVALID_ARGUMENT for fewer than two samples.
 */
export function split(set: SampleSet, heldOutShare: number): { calibration: SampleSet; heldOut: SampleSet } {
  if (set.count < 2)
    throw new CoveyError('INVALID_ARGUMENT', `${set.describe}: at least two are needed, one to be held out`);
  const heldOutCount = Math.min(Math.max(Math.round(set.count * heldOutShare), 1), set.count - 1);
  const hashes = set.names.map((name, position) => ({
    position,
    hash: createHash('sha256').update(name).digest('hex'),
  }));
  const order = hashes.sort((a, b) => (a.hash < b.hash ? -1 : 1)).map(({ position }) => position);
  const part = (from: number, to: number) => set.pick(order.slice(from, to).sort((a, b) => a - b));
  return { heldOut: part(0, heldOutCount), calibration: part(heldOutCount, set.count) };
}
