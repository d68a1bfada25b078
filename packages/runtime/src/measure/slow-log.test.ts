import type { Log } from '@covey/ports';
import { simulatedWorld } from '@covey/ports/simulated';
import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import { createSlowLog } from './slow-log.ts';
import { createStatistics } from './statistics.ts';

const instance = {
  model: loadedModel('/m.onnx', schemaOf('FP32', [1])),
  state: { waiting: 0, running: 0, sessions: 1 },
};
const timings = { queueMs: 250, inputMs: 0.5, inferMs: 8.12345, outputMs: 0.1, batchSize: 4 };
const traceId = '0af7651916cd43dd8448eb211c80319c';

function logged(thresholdMs?: number) {
  const world = simulatedWorld(1);
  const lines: [string, Record<string, unknown> | undefined][] = [];
  const log: Log = {
    write: (_level, message, fields) => lines.push([message, fields]),
    component: () => log,
  };
  const statistics = createStatistics(() => world.clock.now());
  const slowLog = createSlowLog({ clock: world.clock, log, statistics, thresholdMs });
  const note = (latencyMs: number) => {
    const request = { latencyMs, timings, error: undefined, inputBytes: 40, caller: 'camera', traceId };
    if (slowLog.isSlow(instance, latencyMs)) slowLog.write(instance, request);
  };
  const serve = (count: number, latencyMs: number) => {
    for (let i = 0; i < count; i++) statistics.served(instance, {}, latencyMs, timings);
  };
  return { world, lines, note, serve };
}

test('slower than three times the 99th percentile, and than 100 ms, is slow', () => {
  const { lines, note, serve } = logged();
  note(10_000);
  serve(100, 5);
  note(99);
  expect(lines).toEqual([]);
  note(101);
  expect(lines).toHaveLength(1);
  serve(500, 200);
  note(590);
  expect(lines).toHaveLength(1);
  note(620);
  expect(lines).toHaveLength(2);
});

test('a line tells where the time went, who asked, and nothing of what was in it', () => {
  const { lines, note } = logged(50);
  note(260);
  expect(lines).toEqual([
    [
      'slow request',
      {
        model: 'm',
        version: '1.0.0',
        variant: 'fp32',
        latencyMs: 260,
        thresholdMs: 50,
        queueMs: 250,
        inputMs: 0.5,
        inferMs: 8.123,
        outputMs: 0.1,
        batchSize: 4,
        inputBytes: 40,
        caller: 'camera',
        traceId,
      },
    ],
  ]);
});

test('ten lines a minute, and how many there were besides', async () => {
  const { world, lines, note } = logged(50);
  for (let i = 0; i < 35; i++) note(60);
  expect(lines).toHaveLength(10);
  await world.advance(60_000);
  expect(lines.at(-1)).toEqual(['more slow requests', expect.objectContaining({ suppressed: 25 })]);
  note(60);
  expect(lines).toHaveLength(12);
});
