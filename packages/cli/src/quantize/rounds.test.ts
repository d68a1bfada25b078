import { expect, test } from 'vitest';
import type { Judged } from './evaluate.ts';
import { hasPassed, settled } from './rounds.ts';

const judged = (name: string, digest: string, reason?: string): Judged => ({
  candidate: { name, digest, sizeBytes: 1, settings: '', nodesKept: [], chosenFor: 'size' },
  evaluation: { outputs: {} },
  tolerances: [],
  ...(reason !== undefined && { reason }),
});
const refusal = { reason: 'no variant is within the budget: cosine 0.9', settings: 'static', errors: {} };
const outcome = (rounds: Parameters<typeof settled>[0]) =>
  settled(rounds).judged.map(({ candidate: { name, digest }, reason }) => [name, digest, reason]);

test('what passed stays, though another variant of its round failed', () => {
  const rounds = [
    { share: 0.8, judged: [judged('small', 'a'), judged('fast', 'b', 'too far off')] },
    { share: 0.5, judged: [judged('small', 'c'), judged('fast', 'd')] },
  ];
  expect(outcome(rounds.slice(0, 1))).toEqual([
    ['small', 'a', undefined],
    ['fast', 'b', 'too far off; the search was given 80 % of the budget'],
  ]);
  expect(outcome(rounds)).toEqual([
    ['small', 'a', undefined],
    ['fast', 'd', undefined],
  ]);
});

test('a variant that failed in every round says how much of the budget each was given', () => {
  const rounds = [0.8, 0.5, 0.25].map((share) => ({ share, judged: [judged('small', `${share}`, 'off')] }));
  expect(outcome(rounds)).toEqual([
    ['small', '0.25', 'off; the search was given 80 %, then 50 %, then 25 % of the budget'],
  ]);
});

test('where less of the budget allows nothing, that is said beside what failed', () => {
  const rounds = [
    { share: 0.8, judged: [judged('small', 'a', 'off')] },
    { share: 0.5, judged: [], refusal },
  ];
  expect(outcome(rounds)).toEqual([
    [
      'small',
      'a',
      'off; the search was given 80 % of the budget; with 50 % of it, no variant is within the budget: cosine 0.9',
    ],
  ]);
});

test('what was searched with the whole budget says nothing of it, and without a variant its refusal stands', () => {
  expect(outcome([{ share: 1, judged: [judged('fp16', 'a', 'off')] }])).toEqual([['fp16', 'a', 'off']]);
  expect(settled([{ share: 1, judged: [], refusal }])).toEqual({ judged: [], refusal });
});

test('a spare that passes takes the place of the one that failed before it', () => {
  const all = [judged('small', 'a', 'off'), judged('fast', 'b'), judged('small', 'c')];
  expect(hasPassed(all.slice(0, 2), 'small')).toBe(false);
  expect(hasPassed(all, 'small')).toBe(true);
  expect(outcome([{ share: 0.8, judged: all }])).toEqual([
    ['small', 'c', undefined],
    ['fast', 'b', undefined],
  ]);
});
