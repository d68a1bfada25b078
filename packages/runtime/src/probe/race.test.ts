import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contestant, race } from './race.ts';

/** Reproducible numbers in [0, 1): mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Field {
  latenciesMs: number[];
  /** Standard deviation of the logarithm of each turn. */
  noise: number;
  /** Share of turns that something else makes up to four times as long. */
  bursts: number;
  limitMs: number;
}

/** A machine on virtual time: each turn takes what the model takes, times the noise, times what all of a round suffer. */
function simulated({ latenciesMs, noise, bursts, limitMs }: Field, seed: number) {
  const random = randomOf(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let [nowMs, turns, round, disturbance] = [0, 0, -1, 1];
  const contestants = latenciesMs.map(
    (latencyMs): Contestant => ({
      cost: 1,
      turn: async (current) => {
        if (current !== round) [round, disturbance] = [current, Math.exp(0.3 * normal())];
        const burst = random() < bursts ? 1 + 3 * random() : 1;
        const tookMs = latencyMs * Math.exp(noise * normal()) * disturbance * burst;
        nowMs += tookMs;
        turns++;
        return tookMs;
      },
    }),
  );
  return {
    run: () => race(contestants, { limitMs, nowMs: () => nowMs }),
    spent: () => ({ nowMs, turns }),
  };
}

async function shareWithin2Percent(fieldOf: (random: () => number) => Field, seeds: number): Promise<number> {
  let good = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const field = fieldOf(randomOf(seed * 7919));
    const { best } = await simulated(field, seed).run();
    const chosen = best === null ? Number.POSITIVE_INFINITY : (field.latenciesMs[best] ?? 0);
    if (chosen <= Math.min(...field.latenciesMs) * 1.02) good++;
  }
  return good / seeds;
}

test('of fields of any kind the chosen one is within 2 % of the best, nearly always', async () => {
  const share = await shareWithin2Percent(
    (random) => ({
      latenciesMs: Array.from({ length: 2 + Math.floor(random() * 9) }, () => 2 + random() * 8),
      noise: 0.02 + random() * 0.1,
      bursts: random() * 0.1,
      limitMs: 8_000,
    }),
    400,
  );
  expect(share).toBeGreaterThanOrEqual(0.97);
});

test('so it is of fields where all are close: steps of 3 %', async () => {
  const share = await shareWithin2Percent(
    () => ({ latenciesMs: [10.6, 10.3, 10, 10.9, 11.3], noise: 0.05, bursts: 0.05, limitMs: 8_000 }),
    300,
  );
  expect(share).toBeGreaterThanOrEqual(0.95);
});

test('who is far behind costs a few turns, not the whole race', async () => {
  const machine = simulated({ latenciesMs: [5, 40, 50, 60, 70], noise: 0.05, bursts: 0, limitMs: 8_000 }, 3);
  const { finishes, best } = await machine.run();
  expect(best).toBe(0);
  for (const { latenciesMs } of finishes.slice(1)) expect(latenciesMs.length).toBeLessThanOrEqual(6);
  expect(machine.spent().nowMs).toBeLessThan(2_000);
});

test('the limit holds but for the turn under way, whatever the field', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: 0.5, max: 400, noNaN: true }), { minLength: 1, maxLength: 8 }),
      fc.integer(),
      async (latenciesMs, seed) => {
        const machine = simulated({ latenciesMs, noise: 0.01, bursts: 0, limitMs: 1_000 }, seed);
        const { finishes } = await machine.run();
        expect(machine.spent().nowMs).toBeLessThan(1_000 + Math.max(...latenciesMs) * 4);
        const rounds = finishes.map((finish) => finish.latenciesMs.length);
        expect(rounds.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(machine.spent().turns);
      },
    ),
    { numRuns: 50 },
  );
});

test('of equally fast ones the cheapest is chosen, however they are listed', async () => {
  const random = randomOf(11);
  for (const costs of [
    [1, 2, 4],
    [4, 2, 1],
    [2, 1, 4],
  ]) {
    const contestants = costs.map((cost) => ({ cost, turn: async () => 10 * (1 + 0.01 * random()) }));
    let nowMs = 0;
    const { best } = await race(contestants, { limitMs: 10_000, nowMs: () => nowMs++ });
    expect(costs[best ?? -1]).toBe(1);
  }
});

test('one that fails falls out with its reason; the others go on', async () => {
  const died = new CoveyError('RUNTIME_DIED', 'its process ended by SIGSEGV');
  let nowMs = 0;
  const { finishes, best } = await race(
    [
      { cost: 1, turn: async () => 5 },
      { cost: 1, turn: (round) => (round < 2 ? Promise.resolve(1) : Promise.reject(died)) },
      { cost: 1, turn: async () => 9 },
    ],
    { limitMs: 10_000, nowMs: () => nowMs++ },
  );
  expect(best).toBe(0);
  expect(finishes.map(({ failure }) => failure)).toEqual([null, died, null]);
});

test('when none had a whole round in time, none is best', async () => {
  let nowMs = 0;
  const slow = { cost: 1, turn: async () => (nowMs += 5_000) };
  expect(await race([slow, slow], { limitMs: 1_000, nowMs: () => nowMs })).toMatchObject({ best: null });
});
