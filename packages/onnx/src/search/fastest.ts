import { CoveyError } from '@covey/protocol';
import { sameBytes } from '../compare/index.ts';
import type { Node } from '../model/index.ts';
import { type Group, kindOfWork } from './groups.ts';
import type { Quantizer } from './scheme.ts';
import type { Steps } from './steps.ts';
import type { Trial, Trials } from './trials.ts';

/** Measures models side by side: the latency of each, as a ratio to that of the first. */
export type Measure = (models: readonly Uint8Array[]) => Promise<readonly number[]>;

/** A variant within the budget, with its latency as a ratio to that of the fp32 model. */
export interface Timed {
  trial: Trial;
  latencyRatio: number;
}

export interface SpeedOptions {
  trials: Trials;
  steps: Steps;
  quantizer: Quantizer;
  groups: readonly Group[];
  /** The fp32 model that ratios are to. */
  floatBytes: Uint8Array;
  smallest: Trial;
  measure: Measure;
}

/** Variants measured side by side, and the bytes they may take together. */
const variantsMax = 8;
const measuredBytesMax = 2 ** 30;

/** A variant counts as faster than a smaller one below this part of its latency; less is noise. */
const worthwhile = 0.98;

/**
 * Looks for variants within the budget that are faster than the smallest: integers cost time where work does not gain
 * enough from them to pay for the conversions. Measures what leaving each kind of work in fp32 does, and the first
 * groups (large pictures, few channels) and the last; then what gained together. Only what is faster is compared with
 * the reference.
 */
export async function findFastest(options: SpeedOptions): Promise<{ smallest: Timed; fastest: Timed }> {
  const { quantizer, groups, smallest, trials } = options;
  const keeps = keepsToTry(quantizer.nodes, groups, new Set(smallest.kept));
  const apart = await measureRound(options, 'apart', keeps);
  const gains = fasterOnes(apart);
  const unions = gains.slice(1).map((_, index) => gains.slice(0, index + 2).flatMap(({ kept }) => kept));
  const best = gains.slice(0, 1).map(({ kept }) => kept);
  const round = unions.length === 0 ? apart : await measureRound(options, 'together', [...best, ...unions]);
  const base = { trial: smallest, latencyRatio: round.smallest };
  for (const { kept, latencyRatio } of round === apart ? gains : [...fasterOnes(round), ...gains]) {
    const trial = await trials.trial(quantizer, new Set(kept));
    if (trial.within) return { smallest: base, fastest: { trial, latencyRatio } };
  }
  return { smallest: base, fastest: base };
}

interface Round {
  smallest: number;
  others: { kept: string[]; latencyRatio: number }[];
}

/** Those of a round that are worth being larger than the smallest, the fastest first. */
function fasterOnes({ smallest, others }: Round): Round['others'] {
  return others
    .filter(({ latencyRatio }) => latencyRatio < smallest * worthwhile)
    .sort((a, b) => a.latencyRatio - b.latencyRatio);
}

/**
 * Measures the smallest variant and those that keep more, all side by side; equal bytes are measured once. Errors:
 * INVALID_ARGUMENT where `measure` does not answer a positive number for each.
 */
async function measureRound(
  { trials, steps, quantizer, floatBytes, smallest, measure }: SpeedOptions,
  name: string,
  keeps: readonly (readonly string[])[],
): Promise<Round> {
  return steps.once('measure', name, async () => {
    const first = trials.bytes(quantizer, smallest.kept);
    const models = [floatBytes, first];
    const measured: string[][] = [];
    let sizeBytes = floatBytes.byteLength + first.byteLength;
    for (const keep of keeps) {
      const kept = trials.inOrder(quantizer, new Set([...smallest.kept, ...keep]));
      const bytes = trials.bytes(quantizer, kept);
      sizeBytes += bytes.byteLength;
      if (measured.length === variantsMax || sizeBytes > measuredBytesMax) break;
      if (models.some((other) => sameBytes(other, bytes))) continue;
      models.push(bytes);
      measured.push(kept);
    }
    const ratios = await measure(models);
    if (ratios.length !== models.length || !ratios.every((ratio) => ratio > 0 && Number.isFinite(ratio)))
      throw new CoveyError('INVALID_ARGUMENT', `measuring ${models.length} models answered ${ratios}`);
    const [, smallestRatio = 0, ...others] = ratios;
    return {
      smallest: smallestRatio,
      others: measured.map((kept, index) => ({ kept, latencyRatio: others[index] ?? 0 })),
    };
  });
}

/** Names to leave in fp32; what would leave less than half of the weights on integers is not among them. */
function keepsToTry(nodes: readonly Node[], groups: readonly Group[], kept: ReadonlySet<string>): string[][] {
  const kinds = Map.groupBy(
    nodes.filter(({ name }) => !kept.has(name)),
    kindOfWork,
  );
  const open = groups.filter((group) => !group.nodes.every((name) => kept.has(name)));
  const ends = [open.slice(0, 1), open.slice(0, 2), open.slice(0, 4), open.slice(-1)];
  const all = weightOf(open, new Set());
  const byKind = Array.from(kinds.values(), (kind) => kind.map(({ name }) => name));
  return [...ends.map((end) => end.flatMap((group) => group.nodes)), ...byKind].filter(
    (names) => weightOf(open, new Set(names)) >= all / 2,
  );
}

/** Elements of the weights of groups whose first node is not kept. */
function weightOf(groups: readonly Group[], keep: ReadonlySet<string>): number {
  return groups.reduce((sum, { name, weightCount }) => (keep.has(name) ? sum : sum + weightCount), 0);
}
