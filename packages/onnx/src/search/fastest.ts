import { CoveyError } from '@covey/protocol';
import { sameBytes } from '../compare/index.ts';
import type { Node } from '../model/index.ts';
import { type Group, kindOfWork } from './groups.ts';
import type { Quantizer } from './scheme.ts';
import { byHarmAndWeight, type GroupHarm } from './sensitivity.ts';
import { putBack } from './smallest.ts';
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
  ranking: readonly GroupHarm[];
  /** Names of nodes that integers are expected to slow down. */
  unprofitable: ReadonlySet<string>;
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
/** Of variants this close to the fastest the smallest is taken. */
const equallyFast = 0.99;

/** How many fast variants outside the budget are mended, and by how many groups each. */
const mendedMax = 3;
const mendingMax = 6;

/**
 * Looks for variants within the budget that are faster than the smallest: integers cost time where work does not gain
 * enough from them to pay for the conversions. Measures what leaving each kind of work in fp32 does, what is expected not
 * to pay, and the first groups (large pictures, few channels) and the last; then what gained together. What is faster but
 * outside the budget leaves harmful groups out until it is inside, puts heavy ones back, and is measured again.
 */
export async function findFastest(options: SpeedOptions): Promise<{ smallest: Timed; fastest: Timed }> {
  const { quantizer, groups, smallest, trials, unprofitable } = options;
  const keeps = keepsToTry(quantizer.nodes, groups, new Set(smallest.kept), unprofitable);
  const apart = await measureRound(options, 'apart', keeps);
  const gains = fasterOnes(apart);
  const unions = gains.slice(1).map((_, index) => gains.slice(0, index + 2).flatMap(({ kept }) => kept));
  const best = gains.slice(0, 1).map(({ kept }) => kept);
  const round = unions.length === 0 ? apart : await measureRound(options, 'together', [...best, ...unions]);
  const fast = round === apart ? gains : [...fasterOnes(round), ...gains];
  const mended: Trial[] = [];
  for (const { kept } of fast.slice(0, mendedMax)) {
    const trial = await trials.trial(quantizer, new Set(kept));
    const inside = await mend(options, trial);
    if (inside) mended.push(inside);
    if (trial.within) break;
  }
  const [first] = mended;
  if (first) mended.push(...(await putBack(trials, quantizer, first, groups)).slice(1));
  return fastestOf(options, mended, round.smallest);
}

/** The variant with its most harmful groups left out as well, one more at a time, until it is within the budget. */
async function mend({ trials, quantizer, ranking }: SpeedOptions, start: Trial): Promise<Trial | undefined> {
  let trial = start;
  for (let i = 0; i < mendingMax && !trial.within; i++) {
    const kept = new Set(trial.kept);
    const worst = byHarmAndWeight(ranking).find(({ nodes }) => nodes.some((name) => !kept.has(name)));
    if (worst === undefined) return undefined;
    trial = await trials.trial(quantizer, new Set([...kept, ...worst.nodes]));
  }
  return trial.within ? trial : undefined;
}

/** The fastest of variants within the budget, or the smallest again. */
async function fastestOf(
  options: SpeedOptions,
  within: readonly Trial[],
  smallestRatio: number,
): Promise<{ smallest: Timed; fastest: Timed }> {
  const { smallest } = options;
  const unmeasured = { trial: smallest, latencyRatio: smallestRatio };
  if (within.length === 0) return { smallest: unmeasured, fastest: unmeasured };
  const keeps = within.map(({ kept }) => kept);
  const round = await measureRound(options, 'mended', keeps);
  const base = { trial: smallest, latencyRatio: round.smallest };
  const fast = fasterOnes(round).flatMap(({ kept, latencyRatio }) => {
    const trial = within.find((candidate) => candidate.kept.join() === kept.join());
    return trial ? [{ trial, latencyRatio }] : [];
  });
  const [first] = fast;
  const alike = fast.filter(({ latencyRatio }) => latencyRatio * equallyFast <= (first?.latencyRatio ?? 0));
  const [fastest = base] = alike.sort((a, b) => sizeOf(a.trial) - sizeOf(b.trial));
  return { smallest: base, fastest };
}

function sizeOf({ sizeBytes = Number.MAX_VALUE }: Trial): number {
  return sizeBytes;
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
  const step = `${name}; ${quantizer.name}; ${JSON.stringify([smallest.kept, keeps])}`;
  return steps.once('measure', step, async () => {
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
function keepsToTry(
  nodes: readonly Node[],
  groups: readonly Group[],
  kept: ReadonlySet<string>,
  unprofitable: ReadonlySet<string>,
): string[][] {
  const kinds = Map.groupBy(
    nodes.filter(({ name }) => !kept.has(name)),
    kindOfWork,
  );
  const open = groups.filter((group) => !group.nodes.every((name) => kept.has(name)));
  const ends = [open.slice(0, 1), open.slice(0, 2), open.slice(0, 4), open.slice(-1)];
  const all = weightOf(open, new Set());
  const byKind = Array.from(kinds.values(), (kind) => kind.map(({ name }) => name));
  const byEnd = ends.map((end) => end.flatMap((group) => group.nodes));
  return [[...unprofitable], ...byEnd, ...byKind].filter(
    (names) => weightOf(open, new Set(names)) >= all / 2,
  );
}

/** Elements of the weights of groups whose first node is not kept. */
function weightOf(groups: readonly Group[], keep: ReadonlySet<string>): number {
  return groups.reduce((sum, { name, weightCount }) => (keep.has(name) ? sum : sum + weightCount), 0);
}
