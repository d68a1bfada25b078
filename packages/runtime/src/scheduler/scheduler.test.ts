import { simulatedWorld } from '@covey/ports/simulated';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunResult } from './run.ts';
import {
  answerOf,
  fakeModel,
  learnt,
  plain,
  poison,
  rowsOf,
  schedulerOf,
  watched,
} from './scheduler.fixture.ts';

/** What one client does, and when. */
const requestArbitrary = fc.record({
  atMs: fc.integer({ min: 0, max: 120 }),
  rows: fc.integer({ min: 1, max: 4 }),
  width: fc.integer({ min: 1, max: 2 }),
  tag: fc.integer({ min: 0, max: 1 }),
  priority: fc.integer({ min: 0, max: 9 }),
  timeoutMs: fc.option(fc.integer({ min: 1, max: 120 }), { freq: 3 }),
  cancelAfterMs: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 3 }),
  isPoison: fc.integer({ min: 0, max: 19 }).map((number) => number === 0),
});
const settingsArbitrary = fc.record({
  maxQueueLength: fc.constantFrom(4, 64),
  batching: fc.constantFrom(
    {},
    { maxBatchSize: 1 },
    { maxDelayMs: 5 },
    { sizes: [2, 4, 8] },
    { maxBatchSize: 6 },
  ),
  instances: fc.constantFrom({ min: 1, max: 1 }, { min: 2, max: 2 }, { min: 1, max: 3 }),
});

test('whatever comes together: every request settles once, with its own answer or a reason that holds', async () => {
  let mostJoined = 0;
  const seenCodes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(requestArbitrary, { minLength: 1, maxLength: 60, size: 'max' }),
      settingsArbitrary,
      fc.integer({ min: 0, max: 40 }),
      async (requests, { batching, ...others }, deadRun) => {
        const world = simulatedWorld(1);
        const { start, seen } = fakeModel(world, { diesAt: ({ runs }) => runs.length === deadRun });
        const scheduler = schedulerOf(world, start, { ...others, batching: batching as object });
        const opened = watched(scheduler.open().then(() => scheduler.learn(rowsOf([1], 2)).catch(() => {})));
        await world.runUntil(() => opened.settled === 1, 2_000);
        const fates = requests.map(() => ({ settled: 0 }) as ReturnType<typeof watched>);
        for (const [id, request] of requests.entries()) {
          world.clock.setTimer(request.atMs, () => {
            const { rows, width, tag, priority, timeoutMs, cancelAfterMs, isPoison } = request;
            const controller = new AbortController();
            const ids = Array.from({ length: rows }, (_, row) => id * 4 + row);
            const inputs = rowsOf(ids, width, tag);
            if (isPoison) new Float32Array(inputs.x?.data.buffer ?? new ArrayBuffer(4))[0] = poison;
            const nowMs = world.clock.monotonicMs();
            const deadlineMs = timeoutMs === null ? undefined : nowMs + timeoutMs;
            const run = scheduler.run(inputs, { priority, deadlineMs, signal: controller.signal });
            fates[id] = watched(
              run.then((result) => {
                expect(result.outputs).toEqual(answerOf(inputs));
                expect(isPoison).toBe(false);
                expect(cancelAfterMs !== null && controller.signal.aborted).toBe(false);
                expect(result.timings.batchSize).toBeGreaterThanOrEqual(rows);
                expect(result.timings.queueMs).toBeGreaterThanOrEqual(0);
                mostJoined = Math.max(mostJoined, result.timings.batchSize / rows);
                return result;
              }),
            );
            if (cancelAfterMs !== null) world.clock.setTimer(cancelAfterMs, () => controller.abort());
          });
        }
        await world.advance(5_000);
        for (const [id, { settled, error }] of fates.entries()) {
          expect(settled, `request ${id}`).toBe(1);
          if (error) seenCodes.add(error.code);
          const isOwnFault = error?.code === 'INFERENCE_FAILED';
          if (isOwnFault) expect(requests[id]?.isPoison).toBe(true);
          else if (error) {
            expect(['OVERLOADED', 'DEADLINE_EXCEEDED', 'CANCELLED', 'RUNTIME_DIED']).toContain(error.code);
          }
        }
        expect(scheduler.state).toMatchObject({ waiting: 0, running: 0 });
        const closed = watched(scheduler.close());
        await world.advance(100);
        expect(closed.settled).toBe(1);
        expect(seen.sessions).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
  // Else nothing above was about batches, or about refusals.
  expect(mostJoined).toBeGreaterThan(4);
  expect([...seenCodes].sort()).toEqual([
    'CANCELLED',
    'DEADLINE_EXCEEDED',
    'INFERENCE_FAILED',
    'OVERLOADED',
    'RUNTIME_DIED',
  ]);
});

test('what waits while a run is under way runs together next; a lone request never waits', async () => {
  const { world, scheduler, seen } = await learnt();
  const lone = watched(scheduler.run(rowsOf([7]), plain));
  await world.advance(100);
  expect(lone.value?.timings).toMatchObject({ queueMs: 0, inferMs: 5, batchSize: 1 });
  const fates = Array.from({ length: 9 }, (_, id) => watched(scheduler.run(rowsOf([id]), plain)));
  await world.advance(100);
  expect(fates.map(({ value }) => value?.timings.batchSize)).toEqual([1, ...Array(8).fill(8)]);
  expect(seen.runs).toEqual([1, 1, 8]);
});

test('a request that finds nobody waits no longer than the bound, and only where the line says that waiting pays', async () => {
  const { world, scheduler } = await learnt({ rowMs: 0.1, fixedMs: 50 }, { batching: { maxDelayMs: 8 } });
  const lone = watched(scheduler.run(rowsOf([1]), plain));
  await world.advance(200);
  // Nothing is known of arrivals yet: nobody is waited for.
  expect(lone.value?.timings.queueMs).toBe(0);
  const crowd: ReturnType<typeof watched<RunResult>>[] = [];
  for (let id = 0; id < 8; id++) {
    crowd.push(watched(scheduler.run(rowsOf([id]), plain)));
    await world.advance(2);
  }
  await world.advance(500);
  const last = watched(scheduler.run(rowsOf([1]), plain));
  await world.advance(500);
  expect(crowd.some(({ value }) => (value?.timings.batchSize ?? 0) > 1)).toBe(true);
  expect(last.value?.timings.queueMs).toBeLessThanOrEqual(8);
});

test('the bound holds whatever comes', async () => {
  const bound = 6;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 60, max: 90 }), { maxLength: 12 }), async (gaps) => {
      const { world, scheduler } = await learnt({ fixedMs: 30 }, { batching: { maxDelayMs: bound } });
      for (const gapMs of gaps) {
        // Nothing runs and nothing waits when it comes.
        const lone = watched(scheduler.run(rowsOf([1]), plain));
        await world.advance(gapMs);
        expect(lone.value?.timings.queueMs).toBeLessThanOrEqual(bound);
      }
    }),
    { numRuns: 20 },
  );
});

test('a model whose rows touch each other, or that gains nothing, is never batched', async () => {
  for (const model of [{ mixesRows: true }, { rowMs: 20, fixedMs: 0.5 }]) {
    const { world, scheduler, seen } = await learnt(model);
    const fates = Array.from({ length: 6 }, (_, id) => watched(scheduler.run(rowsOf([id]), plain)));
    await world.advance(1_000);
    expect(seen.runs).toEqual([1, 1, 1, 1, 1, 1]);
    for (const [id, { value }] of fates.entries()) expect(value?.outputs).toEqual(answerOf(rowsOf([id])));
  }
});

test('a form that was never seen is learnt from live requests, which are answered alone meanwhile', async () => {
  const { world, scheduler, seen } = await learnt();
  const wave = async () => {
    const fates = Array.from({ length: 12 }, (_, id) => watched(scheduler.run(rowsOf([id], 3), plain)));
    await world.advance(2_000);
    for (const [id, { value }] of fates.entries()) expect(value?.outputs).toEqual(answerOf(rowsOf([id], 3)));
    return Math.max(...fates.map(({ value }) => value?.timings.batchSize ?? 0));
  };
  await wave();
  expect(await wave()).toBeGreaterThan(8);
  expect(Math.max(...seen.runs)).toBeGreaterThan(8);
});

test('a deadline that cannot be kept is told at once, with the time it would have taken; kept ones are kept', async () => {
  const { world, scheduler } = await learnt({ rowMs: 10, fixedMs: 0 });
  const nowMs = world.clock.monotonicMs();
  const requests = [35, 15, 25, 9, 1_000].map((timeoutMs) =>
    watched(scheduler.run(rowsOf([1]), { ...plain, deadlineMs: nowMs + timeoutMs })),
  );
  await world.settle();
  expect(requests.map(({ error }) => error?.code)).toEqual([
    undefined,
    'DEADLINE_EXCEEDED',
    undefined,
    'DEADLINE_EXCEEDED',
    undefined,
  ]);
  expect(requests[1]?.error?.message).toBe('the answer would take 20.0 ms and 15.0 ms are left');
  await world.advance(100);
  expect(requests.filter(({ value }) => value !== undefined)).toHaveLength(3);
});

test('nothing is answered late: what was let in and is held up after that is refused before it runs', async () => {
  const { world, scheduler, seen } = await learnt({ rowMs: 10, fixedMs: 0 });
  const patient = watched(
    scheduler.run(rowsOf([1]), { ...plain, priority: 9, deadlineMs: world.clock.monotonicMs() + 25 }),
  );
  const first = watched(scheduler.run(rowsOf([2]), plain));
  expect(patient.settled).toBe(0);
  await world.advance(1);
  // The patient one runs already: one more with a deadline, and what overtakes it.
  const late = watched(
    scheduler.run(rowsOf([3]), { ...plain, priority: 9, deadlineMs: world.clock.monotonicMs() + 35 }),
  );
  for (let id = 0; id < 4; id++) void scheduler.run(rowsOf([id]), { ...plain, priority: 1 });
  await world.advance(200);
  expect(first.value).toBeDefined();
  expect(late.error?.code).toBe('DEADLINE_EXCEEDED');
  expect(seen.runs).toHaveLength(6);
});

test('the least important is served while a stream of the most important never ends', async () => {
  const { world, scheduler } = await learnt({ rowMs: 10, fixedMs: 0 });
  let isServed = false;
  const stream = async () => {
    while (!isServed) await scheduler.run(rowsOf([1]), { ...plain, priority: 1 });
  };
  const streams = [stream(), stream(), stream()];
  await world.advance(50);
  void scheduler.run(rowsOf([2]), { ...plain, priority: 9 }).then(() => {
    isServed = true;
  });
  await world.advance(1_000);
  expect(isServed).toBe(false);
  // Eight levels of 250 ms, and what runs.
  await world.runUntil(() => isServed, 1_100);
  await world.advance(100);
  await Promise.all(streams);
});
