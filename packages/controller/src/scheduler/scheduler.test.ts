import { simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { createScheduler } from './scheduler.ts';

function setUp(run: () => Promise<void>) {
  const world = simulatedWorld(1);
  const lines: string[] = [];
  const log = { write: (_level: string, message: string) => void lines.push(message), component: () => log };
  const tasks = [{ name: 'counting', intervalMs: 1_000, run }];
  return { world, lines, scheduler: createScheduler({ clock: world.clock, log, tasks }) };
}

it('runs every interval, and at once when woken', async () => {
  let runs = 0;
  const { world, scheduler } = setUp(async () => {
    runs++;
  });
  scheduler.start();
  await world.advance(2_500);
  expect(runs).toBe(3);
  scheduler.wake();
  await world.settle();
  expect(runs).toBe(4);
  await scheduler.stop();
  scheduler.wake();
  await world.advance(10_000);
  expect(runs).toBe(4);
});

it('runs again after a run during which it was woken, never two at a time', async () => {
  let running = 0;
  let runs = 0;
  const gates: (() => void)[] = [];
  const { world, scheduler } = setUp(async () => {
    expect(++running).toBe(1);
    runs++;
    await new Promise<void>((resolve) => gates.push(resolve));
    running--;
  });
  scheduler.start();
  scheduler.wake();
  scheduler.wake();
  gates.shift()?.();
  await world.advance(1);
  expect(runs).toBe(2);
  const stopped = scheduler.stop();
  gates.shift()?.();
  await stopped;
  expect(running).toBe(0);
});

it('goes on after a failure, and says so', async () => {
  let runs = 0;
  const { world, scheduler, lines } = setUp(async () => {
    if (++runs === 1) throw new Error('disk');
  });
  scheduler.start();
  await world.advance(1_000);
  expect(runs).toBe(2);
  expect(lines).toEqual(['counting failed; it is tried again']);
  await scheduler.stop();
});
