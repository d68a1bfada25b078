import { simulatedWorld } from '@covey/ports/simulated';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fakeModel, plain, rowsOf, schedulerOf, watched } from './scheduler.fixture.ts';
import { createTurnstile } from './turnstile.ts';

/** Models of one runtime under full load: their computing times, and how many ran at the same time. */
async function compete(
  models: { rowMs: number; resources?: Record<string, number>; clients?: number }[],
  {
    cores = 1,
    resources,
    forMs = 3_000,
  }: { cores?: number; resources?: Record<string, number>; forMs?: number },
) {
  const world = simulatedWorld(1);
  const turnstile = createTurnstile({ clock: world.clock, cores, ...(resources && { resources }) });
  let isBusy = true;
  let running = 0;
  let mostRunning = 0;
  const held: Record<string, number> = {};
  const mostHeld: Record<string, number> = {};
  const clients: Promise<void>[] = [];
  const busyMs = models.map(() => 0);
  for (const [at, { rowMs, resources: units = {}, clients: count = 4 }] of models.entries()) {
    const onRun = (change: 1 | -1) => {
      running += change;
      mostRunning = Math.max(mostRunning, running);
      if (change === -1) busyMs[at] = (busyMs[at] ?? 0) + rowMs;
      for (const [name, number] of Object.entries(units)) {
        held[name] = (held[name] ?? 0) + change * number;
        mostHeld[name] = Math.max(mostHeld[name] ?? 0, held[name] ?? 0);
      }
    };
    const { start } = fakeModel(world, { rowMs, fixedMs: 0, loadMs: 0, onRun });
    const scheduler = schedulerOf(
      world,
      start,
      { resources: units, batching: { maxBatchSize: 1 } },
      turnstile,
    );
    void scheduler.open();
    const client = async () => {
      while (isBusy) await scheduler.run(rowsOf([at]), plain);
    };
    for (let one = 0; one < count; one++) clients.push(client());
  }
  await world.advance(forMs);
  isBusy = false;
  await world.advance(2_000);
  await Promise.all(clients);
  return { busyMs, mostRunning, mostHeld };
}

test('with fewer cores than busy models, each gets an equal share of time, however long its runs take', async () => {
  const { busyMs, mostRunning } = await compete([{ rowMs: 2 }, { rowMs: 40 }, { rowMs: 11, clients: 9 }], {});
  expect(mostRunning).toBe(1);
  const total = busyMs.reduce((sum, ms) => sum + ms, 0);
  for (const ms of busyMs) expect(ms / total).toBeCloseTo(1 / 3, 1);
});

test('with a core for each, nobody waits for another', async () => {
  const { busyMs, mostRunning } = await compete([{ rowMs: 2 }, { rowMs: 40 }], { cores: 2 });
  expect(mostRunning).toBe(2);
  for (const ms of busyMs) expect(ms).toBeGreaterThan(2_800);
});

test('resources are never exceeded, and who needs much of one is not starved by those who need little', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          rowMs: fc.integer({ min: 1, max: 30 }),
          resources: fc.record({
            gpu: fc.integer({ min: 1, max: 4 }),
            licence: fc.integer({ min: 1, max: 2 }),
          }),
        }),
        { minLength: 2, maxLength: 5 },
      ),
      async (models) => {
        const resources = { gpu: 4, licence: 3 };
        const { mostHeld, busyMs } = await compete(models, { cores: 8, resources, forMs: 1_500 });
        expect(mostHeld.gpu).toBeLessThanOrEqual(4);
        expect(mostHeld.licence).toBeLessThanOrEqual(3);
        for (const ms of busyMs) expect(ms).toBeGreaterThan(1_500 / models.length / 3);
      },
    ),
    { numRuns: 15 },
  );
});

test('of what nobody counted there is what the neediest takes; more than there is is refused', async () => {
  const { mostHeld } = await compete(
    [
      { rowMs: 5, resources: { gpu: 2 } },
      { rowMs: 5, resources: { gpu: 1 } },
      { rowMs: 7, resources: { gpu: 1 } },
    ],
    { cores: 4 },
  );
  expect(mostHeld).toEqual({ gpu: 2 });
  await expect(
    compete([{ rowMs: 1, resources: { gpu: 5 } }], { resources: { gpu: 4 } }),
  ).rejects.toMatchObject({
    code: 'CONFLICT',
    message: 'a run holds 5 units of gpu, and the device has 4',
  });
});

test('a model that hangs does not keep the only core from the others', async () => {
  const world = simulatedWorld(1);
  const turnstile = createTurnstile({ clock: world.clock, cores: 1 });
  const hanging = fakeModel(world, { rowMs: 60_000, fixedMs: 0 });
  const quick = fakeModel(world, { rowMs: 1, fixedMs: 0 });
  const schedulers = [hanging, quick].map(({ start }) => schedulerOf(world, start, {}, turnstile));
  for (const scheduler of schedulers) void scheduler.open();
  await world.advance(50);
  const [slow, fast] = schedulers.map((scheduler) => watched(scheduler.run(rowsOf([1]), plain)));
  await world.advance(500);
  expect(fast?.settled).toBe(0);
  await world.advance(600);
  expect(fast?.value).toBeDefined();
  expect(slow?.settled).toBe(0);
});
