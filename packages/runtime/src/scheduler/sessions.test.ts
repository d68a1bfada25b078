import { simulatedWorld } from '@covey/ports/simulated';
import { expect, test } from 'vitest';
import { answerOf, fakeModel, learnt, plain, rowsOf, schedulerOf, watched } from './scheduler.fixture.ts';

test('a session that dies is replaced: who ran is told, who waits is served', async () => {
  let isArmed = false;
  const { world, scheduler } = await learnt({
    diesAt: ({ runs, loads }) => runs.length === 1 && loads === 1 && isArmed,
  });
  isArmed = true;
  const dying = watched(scheduler.run(rowsOf([1], 5), plain));
  const waiting = watched(scheduler.run(rowsOf([2]), plain));
  await world.advance(100);
  expect(dying.error?.code).toBe('RUNTIME_DIED');
  expect(waiting.value?.outputs).toEqual(answerOf(rowsOf([2])));
});

test('unloaded when idle, loaded by the next request, which waits; a load that fails is told', async () => {
  const { world, scheduler, seen } = await learnt({}, { idleUnloadMs: 1_000 });
  await world.advance(900);
  expect(seen.sessions).toBe(1);
  await world.advance(1_200);
  expect(seen.sessions).toBe(0);
  const woken = watched(scheduler.run(rowsOf([1]), plain));
  await world.advance(30);
  expect(woken.value?.timings.queueMs).toBe(20);
  await world.advance(2_500);
  expect(seen.sessions).toBe(0);
  seen.failLoads = true;
  const failed = watched(scheduler.run(rowsOf([1]), plain));
  await world.advance(30);
  expect(failed.error).toMatchObject({
    code: 'MODEL_UNAVAILABLE',
    message: 'the model cannot be loaded: the file is gone',
  });
  seen.failLoads = false;
  const again = watched(scheduler.run(rowsOf([1]), plain));
  await world.advance(1_100);
  expect(again.value).toBeDefined();
});

test('sessions are added under pressure up to the bound, and taken away when there is slack or no memory', async () => {
  let isShort = false;
  const world = simulatedWorld(1);
  const { start, seen } = fakeModel(world, { rowMs: 40, fixedMs: 0 });
  const scheduler = schedulerOf(world, start, { instances: { min: 1, max: 3 } }, undefined, () => isShort);
  const opened = watched(scheduler.open());
  await world.advance(100);
  expect(opened.settled).toBe(1);
  let isBusy = true;
  const client = async () => {
    while (isBusy) await scheduler.run(rowsOf([1]), plain);
  };
  const clients = Array.from({ length: 8 }, client);
  await world.advance(5_000);
  expect(seen.sessions).toBe(3);
  isShort = true;
  await world.advance(1_000);
  expect(seen.sessions).toBe(1);
  isShort = false;
  await world.advance(70_000);
  expect(seen.sessions).toBe(3);
  isBusy = false;
  await world.advance(1_000);
  await Promise.all(clients);
  await world.advance(120_000);
  expect(seen.sessions).toBe(1);
});
