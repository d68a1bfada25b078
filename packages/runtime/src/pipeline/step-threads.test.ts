import { systemClock } from '@covey/ports';
import { expect, test } from 'vitest';
import { nodePlatform } from '../node/index.ts';
import { encodeElements } from '../tensors/index.ts';
import { createStepThreads } from './step-threads.ts';

const { startThread } = nodePlatform;
const bytes = { datatype: 'BYTES' as const, shape: [1], data: encodeElements([new Uint8Array(4)]) };
const step = {
  kind: 'preprocess' as const,
  input: 'a',
  output: 'b',
  form: { kind: 'audio' as const, sampleRateHz: 8_000, windowSamples: 1, hopSamples: 1, contextSamples: 0 },
};
const free = { deadlineMs: undefined, signal: undefined };

test('what is too late or not wanted any more is not begun, and a full queue says so', async () => {
  const threads = createStepThreads({ clock: systemClock, startThread, threads: 1 });
  const gone = AbortSignal.abort();
  const first = threads.run(step, [bytes], free);
  const late = threads.run(step, [bytes], { ...free, deadlineMs: performance.now() });
  const aborted = threads.run(step, [bytes], { ...free, signal: gone });
  const waiting = Array.from({ length: 62 }, () => threads.run(step, [bytes], free));
  const full = threads.run(step, [bytes], free);
  const codeOf = (run: Promise<unknown>) =>
    run.then(
      () => 'done',
      ({ code }) => code as string,
    );
  const codes = await Promise.all([first, late, aborted, full].map(codeOf));
  expect(codes).toEqual(['INPUT_INVALID', 'DEADLINE_EXCEEDED', 'CANCELLED', 'OVERLOADED']);
  expect(new Set(await Promise.all(waiting.map(codeOf)))).toEqual(new Set(['INPUT_INVALID']));
  await threads.close();
  expect(await codeOf(threads.run(step, [bytes], free))).toBe('MODEL_UNAVAILABLE');
});

test('a thread that does not come to an end is replaced', async () => {
  let isOver = false;
  const hasty = {
    ...systemClock,
    setTimer: (delayMs: number, callback: () => void) => systemClock.setTimer(isOver ? delayMs : 0, callback),
  };
  const threads = createStepThreads({ clock: hasty, startThread, threads: 1 });
  await expect(threads.run(step, [bytes], free)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  isOver = true;
  await expect(threads.run(step, [bytes], free)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await threads.close();
});
