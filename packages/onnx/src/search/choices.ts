import type { CostModel, NodeCost } from '../quantize/index.ts';
import { type GroupHarm, harmOf } from './sensitivity.ts';

/** Names of nodes to be left in fp32. */
export interface Choice {
  kept: ReadonlySet<string>;
  /** Part of the budget it is expected to use; undefined where the harm of groups is not known in such parts. */
  use: number | undefined;
}

export interface Prices {
  costs: CostModel;
  ranking: readonly GroupHarm[];
  /** What one would give for a byte less, in the unit of the costs. */
  byteValue: number;
}

/** Prices of harm lie between these parts of what would decide nothing and everything. */
const leastPart = 1e-6;
const mostParts = 10;
/** How often the span of prices is halved, at most. */
const halvingsMax = 7;
/** Choices expected to use so many times the budget, or so little of it, are not looked at more closely. */
const expected = { most: 6, least: 0.25 };

/**
 * The cheapest choices of nodes as the price of harm rises: from one that minds none, which keeps fewest, to one that
 * avoids all it can. Each costs least of all choices with as much harm, as far as the squares of errors add up and the
 * model of costs holds. Every choice keeps what the one before it does.
 */
export function choicesOf(prices: Prices): Choice[] {
  const harms = harmByNode(prices);
  const at = (price: number) => choiceAt(prices, harms, price);
  const first = at(0);
  const known = [...harms.values()].filter((harm) => harm > 0 && Number.isFinite(harm));
  if (known.length === 0) return [first];
  const { costs, byteValue } = prices;
  const saved = [...costs.savedBytes.values()].reduce((sum, bytes) => sum + Math.max(0, bytes), 0);
  const all = costs.floatNs + saved * byteValue;
  const low = (leastPart * all) / known.reduce((sum, harm) => sum + harm, 0);
  const high = (mostParts * all) / Math.min(...known);
  const choices = between(at, [low, at(low)], [high, at(high)], halvingsMax);
  return [first, ...choices].filter((choice, i, others) => i === 0 || !isSame(choice, others[i - 1]));
}

/** Names of nodes that pay on integers for their time or their bytes where harm costs nothing. */
export function payingNodes(names: readonly string[], prices: Omit<Prices, 'ranking'>): Set<string> {
  const { kept } = choiceAt({ ...prices, ranking: [] }, new Map(), 0);
  return new Set(names.filter((name) => !kept.has(name)));
}

type Priced = [price: number, choice: Choice];

/** The choices from one price to another, both included, in order. */
function between(at: (price: number) => Choice, low: Priced, high: Priced, halvings: number): Choice[] {
  const [[from, before], [to, after]] = [low, high];
  if (isSame(before, after)) return [before];
  const isOutside = (before.use ?? 1) < expected.least || (after.use ?? 1) > expected.most;
  if (halvings === 0 || isOutside) return [before, after];
  const price = Math.sqrt(from * to);
  const middle: Priced = [price, at(price)];
  return [...between(at, low, middle, halvings - 1), ...between(at, middle, high, halvings - 1).slice(1)];
}

function choiceAt(
  { costs, ranking, byteValue }: Prices,
  harms: ReadonlyMap<string, number>,
  price: number,
): Choice {
  const extra = new Map<string, NodeCost>();
  for (const name of new Set([...costs.savedBytes.keys(), ...harms.keys()])) {
    const value = (costs.savedBytes.get(name) ?? 0) * byteValue;
    const harm = harms.get(name) ?? 0;
    const harmCost = Number.isFinite(harm) ? price * harm : Number.MAX_VALUE;
    extra.set(name, { floats: Math.max(0, value), integers: Math.max(0, -value) + harmCost });
  }
  const kept = costs.cheapest(extra);
  return { kept, use: expectedUse(ranking, harms, kept) };
}

function expectedUse(
  ranking: readonly GroupHarm[],
  harms: ReadonlyMap<string, number>,
  kept: ReadonlySet<string>,
): number | undefined {
  if (ranking.every(({ use }) => use === 0)) return undefined;
  const onIntegers = [...harms].filter(([name, harm]) => !kept.has(name) && Number.isFinite(harm));
  return Math.sqrt(onIntegers.reduce((sum, [, harm]) => sum + harm, leastHarm(ranking)));
}

/** Squares of errors by node: that of a group is shared out among its weights, by what they save. */
function harmByNode({ costs, ranking }: Prices): Map<string, number> {
  const least = leastHarm(ranking);
  const harms = new Map<string, number>();
  for (const group of ranking) {
    const weighted = group.nodes.filter((name) => costs.savedBytes.has(name));
    const names = weighted.length > 0 ? weighted : group.nodes.slice(0, 1);
    for (const name of names) harms.set(name, (harmOf(group) - least) / names.length);
  }
  return harms;
}

/** What storing all others as fp16 does is part of the harm of each group, so hardly more than the least of them. */
function leastHarm(ranking: readonly GroupHarm[]): number {
  const harms = ranking.map(harmOf).filter((harm) => Number.isFinite(harm));
  return harms.length < 2 ? 0 : Math.min(...harms);
}

function isSame(a: Choice, b: Choice | undefined): boolean {
  return b !== undefined && a.kept.size === b.kept.size && a.kept.isSubsetOf(b.kept);
}
