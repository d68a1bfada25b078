import { systemClock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { type CacheOptions, createResponseCache } from './cache.ts';
import { tensorsDigest } from './digest.ts';

const timings = { queueMs: 1, inputMs: 1, inferMs: 1, outputMs: 1, batchSize: 1 };
const options: RunOptions = { priority: 0, deadlineMs: undefined, signal: undefined };
const tensors = (...bytes: number[]): Tensors => ({
  x: { datatype: 'UINT8', shape: [bytes.length], data: new Uint8Array(bytes) },
});
/** Each element and its place. */
const computed = (inputs: Tensors): RunResult => ({
  outputs: tensors(...[...(inputs.x?.data ?? [])].map((byte, i) => (byte * 7 + i) & 255)),
  timings,
});

function cacheOf(more: Partial<CacheOptions> = {}) {
  const asked: boolean[] = [];
  const cache = createResponseCache({
    maxBytes: 100_000,
    clock: systemClock,
    onAsked: (isHit) => asked.push(isHit),
    ...more,
  });
  return { cache, asked };
}

test('cached answers equal uncached ones, whatever is asked in whatever order, with digests that collide', async () => {
  const request = fc.record({
    bytes: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
    priority: fc.constantFrom(0, 0, 0, 1),
    pauses: fc.integer({ min: 0, max: 3 }),
    isAwaited: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { maxLength: 60 }),
      fc.constantFrom(700, 3_000, 100_000),
      fc.constantFrom(1, 3, 1_000),
      async (requests, maxBytes, digests) => {
        const digest = (inputs: Tensors) =>
          String([...(inputs.x?.data ?? [])].reduce((sum, byte) => sum * 5 + byte + 1, 0) % digests);
        const { cache, asked } = cacheOf({ maxBytes, digest });
        const checks = [];
        for (const { bytes, priority, pauses, isAwaited } of requests) {
          const inputs = tensors(...bytes);
          const check = async () => {
            const { outputs } = await cache.answer(inputs, { ...options, priority }, async () => {
              for (let i = 0; i < pauses; i++) await Promise.resolve();
              return computed(inputs);
            });
            expect(outputs).toEqual(computed(tensors(...bytes)).outputs);
            // Both are the caller's own from here.
            outputs.x?.data.fill(99);
            inputs.x?.data.fill(88);
          };
          const checked = check();
          checks.push(checked);
          if (isAwaited) await checked;
        }
        await Promise.all(checks);
        expect(asked).toHaveLength(requests.length);
      },
    ),
    { numRuns: 300 },
  );
});

test('equal requests at a time are one run; later ones none', async () => {
  const { cache, asked } = cacheOf();
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const ask = () =>
    cache.answer(tensors(1, 2), options, async () => {
      runs++;
      await gate.promise;
      return computed(tensors(1, 2));
    });
  const answers = Array.from({ length: 20 }, ask);
  gate.resolve();
  const results = [...(await Promise.all(answers)), await ask()];
  expect(runs).toBe(1);
  expect(asked.filter((isHit) => !isHit)).toHaveLength(1);
  for (const { outputs } of results) expect(outputs).toEqual(computed(tensors(1, 2)).outputs);
  expect(new Set(results.map(({ outputs }) => outputs.x?.data.buffer)).size).toBe(results.length);
});

test('who gives up takes nobody along, leading or waiting; a fault of the model is everybody’s', async () => {
  const { cache } = cacheOf();
  const gate = Promise.withResolvers<RunResult>();
  const leader = cache.answer(tensors(1), options, () => gate.promise);
  const controller = new AbortController();
  const waiting = cache.answer(tensors(1), options, async () => computed(tensors(1)));
  const leaving = cache.answer(tensors(1), { ...options, signal: controller.signal }, () => gate.promise);
  const late = cache.answer(
    tensors(1),
    { ...options, deadlineMs: performance.now() + 5 },
    () => gate.promise,
  );
  controller.abort();
  await expect(leaving).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  gate.reject(new CoveyError('CANCELLED', 'gone'));
  await expect(leader).rejects.toMatchObject({ code: 'CANCELLED' });
  expect((await waiting).outputs).toEqual(computed(tensors(1)).outputs);

  const broken = Promise.withResolvers<RunResult>();
  const both = [0, 1].map(() => cache.answer(tensors(2), options, () => broken.promise));
  broken.reject(new CoveyError('INFERENCE_FAILED', 'no'));
  for (const one of both) await expect(one).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
  expect((await cache.answer(tensors(2), options, async () => computed(tensors(2)))).timings.batchSize).toBe(
    1,
  );
});

test('bounded: the least recently used goes first, and what is larger than all is not kept', async () => {
  const { cache, asked } = cacheOf({ maxBytes: 4 * 1_300 });
  const ask = (...bytes: number[]) =>
    cache.answer(tensors(...bytes), options, async () => computed(tensors(...bytes)));
  for (const byte of [1, 2, 3, 4, 1, 5]) await ask(byte);
  asked.length = 0;
  await ask(1);
  await ask(5);
  await ask(2);
  expect(asked).toEqual([true, true, false]);
  const large = Array.from({ length: 10_000 }, () => 1);
  for (let i = 0; i < 2; i++) await ask(...large);
  expect(asked.slice(3)).toEqual([false, false]);
});

test('the digest tells names, types, shapes and bytes apart, in any memory and order', () => {
  const data = new Uint8Array(new SharedArrayBuffer(4));
  const a = { datatype: 'UINT8' as const, shape: [4], data };
  const b = { ...a, data: new Uint8Array([1, 2, 3, 4]) };
  expect(tensorsDigest({ a, b })).toBe(tensorsDigest({ b, a: { ...a, data: new Uint8Array(4) } }));
  const others = [
    { a },
    { b: a },
    { a: b },
    { a: { ...a, shape: [2, 2] } },
    { a: { ...a, datatype: 'INT8' as const } },
  ];
  expect(new Set(others.map(tensorsDigest)).size).toBe(others.length);
});
