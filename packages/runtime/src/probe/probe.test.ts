import { availableParallelism } from 'node:os';
import { nodeProcesses } from '@covey/ports';
import {
  encodeGolden,
  type Measured,
  type ProbeAnswer,
  type ProbeCandidate,
  type ProbeJob,
  type ProbeResult,
  type Tensor,
} from '@covey/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';

// A busy machine may need all the time that a probe has, and one test starts four.
vi.setConfig({ testTimeout: 120_000 });

let models: Awaited<ReturnType<typeof modelFolder>>;
let goldenPath: string;

beforeAll(async () => {
  models = await modelFolder();
  const tensor = (...values: number[]): Tensor => ({
    datatype: 'FP32',
    shape: [values.length],
    data: new Uint8Array(new Float32Array(values).buffer),
  });
  const golden = encodeGolden([{ inputs: { x: tensor(1, 2, 3) }, outputs: { y: tensor(2, 3, 4) } }]);
  goldenPath = await models.write('golden.bin', golden);
});
afterAll(() => models.remove());

/** The real process: one job, one answer, exit 0. */
async function probed(candidates: ProbeCandidate[], limitMs = 9_000): Promise<Measured> {
  const answers: ProbeAnswer[] = [];
  const exits: unknown[] = [];
  const child = nodeProcesses.start({
    module: import.meta.resolve('@covey/runtime/probe'),
    nodeFlags: [],
    firstToDie: true,
    onErrorLine: () => {},
    onMessage: (message) => answers.push(message as ProbeAnswer),
    onExit: (exit) => exits.push(exit),
  });
  child.send({ type: 'probe', candidates, limitMs } satisfies ProbeJob);
  await expect.poll(() => exits, { timeout: 30_000 }).toEqual([{ code: 0, signal: null }]);
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  if (answer?.type !== 'verdict') throw new Error(`the probe failed: ${answer?.error.message}`);
  return answer;
}

async function candidate(constants: Record<string, number>, golden = true): Promise<ProbeCandidate> {
  const variants: ProbeCandidate['variants'] = [];
  for (const [name, constant] of Object.entries(constants)) {
    const path = await models.write(`${name}.onnx`, addModel(constant, [-1]));
    variants.push({ name, path, tolerances: [{ kind: 'elements', absolute: 0.01, relative: 0 }] });
  }
  const { ref, schema } = loadedModel('', schemaOf('FP32', [-1]));
  return { ref, schema, variants, ...(golden && { goldenPath }) };
}

const threadCounts = [...new Set([1, Math.min(2, availableParallelism()), availableParallelism()])];
const onCpu = (results: ProbeResult[]) => results.filter(({ provider }) => provider === 'cpu');

test('each right variant is timed with each thread count; one is chosen, and said why', async () => {
  const { results, hardware } = await probed([await candidate({ fp32: 1, int8: 1.005, broken: 1.5 })]);
  expect(hardware).toMatch(/^[0-9a-f]{64}$/);
  const ways = onCpu(results).map(({ variant, threads }) => [variant, threads]);
  expect(ways).toEqual(
    ['fp32', 'int8', 'broken'].flatMap((name) => threadCounts.map((count) => [name, count])),
  );
  for (const result of onCpu(results)) {
    const isRight = result.variant !== 'broken';
    expect(result).toMatchObject({ model: 'm', version: '1.0.0', ok: isRight });
    if (!isRight) {
      expect(result).toMatchObject({
        ...{ chosen: false, latencyMs: null },
        reason: 'GOLDEN_MISMATCH: output y: element 0: expected 2, got 2.5',
      });
      continue;
    }
    expect(result.maxError).toBeCloseTo(result.variant === 'fp32' ? 0 : 0.005, 3);
    expect(result.memoryBytes).toBeGreaterThanOrEqual(0);
    const [low, high] = result.latencyIntervalMs ?? [];
    expect(low).toBeGreaterThan(0);
    expect(result.latencyMs).toBeGreaterThanOrEqual(low ?? Number.NaN);
    expect(result.latencyMs).toBeLessThanOrEqual(high ?? Number.NaN);
  }
  const [chosen, ...more] = results.filter((result) => result.chosen);
  expect(more).toEqual([]);
  expect(chosen).toMatchObject({ ok: true, provider: 'cpu' });
  expect(chosen?.reason).toMatch(/^(fp32|int8) on cpu, \d+ threads?: /);
});

test('files that are no models, and golden vectors that are none, fail their variant alone', async () => {
  const good = await candidate({ good: 1 });
  const garbage = await models.write('garbage.onnx', new TextEncoder().encode('no model'));
  const [variant] = good.variants;
  if (!variant) throw new Error('no variant');
  const mixed = { ...good, variants: [{ ...variant, name: 'garbage', path: garbage }, variant] };
  const unreadable = { ...good, goldenPath: garbage };
  const { results } = await probed([mixed, unreadable]);
  const first = onCpu(results).slice(0, -1);
  for (const result of first.filter((one) => one.variant === 'garbage'))
    expect(result).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^MODEL_INVALID: /),
      chosen: false,
    });
  expect(first.filter(({ chosen }) => chosen)).toMatchObject([{ variant: 'good', ok: true }]);
  expect(results.at(-1)).toMatchObject({
    ...{ variant: 'good', ok: false, chosen: false },
    reason: expect.stringMatching(/^WIRE_MALFORMED: golden vectors/),
  });
});

test('without golden vectors a variant is loaded and warmed, nothing more', async () => {
  const { results } = await probed([await candidate({ only: 7, other: 8 }, false)]);
  expect(results).toMatchObject([
    {
      ...{
        variant: 'only',
        provider: 'cpu',
        threads: 1,
        ok: true,
        chosen: true,
        maxError: null,
        latencyMs: null,
      },
      reason: 'only on cpu, 1 thread: the first that is right; nothing was timed',
    },
    { variant: 'other', ok: true, chosen: false, reason: 'right, but it was not timed' },
  ]);
});

test('a choice made on the same hardware is checked and kept; on other hardware, or wrong, all is measured', async () => {
  const wanted = await candidate({ fp32: 1, int8: 1.005 });
  const before = await probed([wanted]);
  // A figure that no measurement gives shows what was kept.
  const marked = before.results.map((result) => ({ ...result, memoryBytes: 12_345.5 }));
  const kept = await probed([{ ...wanted, measured: { ...before, results: marked } }]);
  expect(kept.results.map(({ memoryBytes }) => memoryBytes)).toEqual(marked.map(() => 12_345.5));
  const [chosen] = kept.results.filter((result) => result.chosen);
  expect(chosen).toMatchObject({
    ok: true,
    reason: expect.stringMatching(/^measured before on this hardware/),
  });

  const moved = { ...wanted, measured: { hardware: 'another', results: marked } };
  expect((await probed([moved])).results[0]?.memoryBytes).not.toBe(12_345.5);

  const variants = wanted.variants.map((variant) => ({ ...variant, path: `${variant.path}.gone` }));
  const gone = await probed([{ ...wanted, variants, measured: { ...before, results: marked } }]);
  expect(gone.results.every(({ ok, chosen: isChosen }) => !ok && !isChosen)).toBe(true);
});

test('time that is over leaves out what has not been tried, but never all', async () => {
  const { results } = await probed([await candidate({ fp32: 1, int8: 1.005 })], 1);
  expect(results.filter(({ chosen }) => chosen)).toHaveLength(1);
  const late = results.filter(({ ok }) => !ok);
  expect(late.length).toBeGreaterThan(0);
  for (const { reason } of late) expect(reason).toMatch(/^DEADLINE_EXCEEDED: not tried/);
});
