import type { Judged } from './evaluate.ts';
import type { Made } from './make.ts';

/** What was found within a part of the budget, and what became of it on held-out samples. */
export interface Round {
  /** Of the budget, 0..1. */
  share: number;
  judged: readonly Judged[];
  refusal?: Made['refusal'];
}

/**
 * What rounds with ever less of the budget come to, by the names of variants: the first that passed, else the last that
 * failed, whose reason says what the search was given. Where there was none to judge, why nothing was found.
 */
export function settled(rounds: readonly Round[]): { judged: Judged[]; refusal?: Made['refusal'] } {
  const byName = new Map<string, Judged[]>();
  for (const one of rounds.flatMap(({ judged }) => judged)) {
    const { name } = one.candidate;
    byName.set(name, [...(byName.get(name) ?? []), one]);
  }
  const judged = [...byName.values()].flatMap((all) => {
    const passed = all.find(({ reason }) => reason === undefined);
    return passed ?? failed(all, rounds);
  });
  const refusal = judged.length === 0 ? rounds.at(-1)?.refusal : undefined;
  return { judged, ...(refusal && { refusal }) };
}

/** Whether a variant of the name may be shipped. */
export function hasPassed(judged: readonly Judged[], name: string): boolean {
  return judged.some(({ candidate, reason }) => candidate.name === name && reason === undefined);
}

function failed(all: readonly Judged[], rounds: readonly Round[]): Judged[] {
  const last = all.at(-1);
  if (last === undefined) return [];
  const shares = rounds.filter(({ judged }) => judged.some((one) => all.includes(one)));
  const tightened = shares.some(({ share }) => share < 1)
    ? `; the search was given ${listed(shares.map(({ share }) => percent(share)))} of the budget`
    : '';
  const end = rounds.at(-1);
  const refused = end?.refusal ? `; with ${percent(end.share)} of it, ${end.refusal.reason}` : '';
  return [{ ...last, reason: `${last.reason}${tightened}${refused}` }];
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** `80 %, then 50 %, then 25 %`. */
function listed(texts: readonly string[]): string {
  return texts.join(', then ');
}
