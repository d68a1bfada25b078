import { nodeProcesses } from '@covey/ports';
import type { Golden, ProbeAnswer, ProbeCandidate, ProbeJob, ProbeResult } from '@covey/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';

let models: Awaited<ReturnType<typeof modelFolder>>;
let goldenPath: string;

beforeAll(async () => {
  models = await modelFolder();
  const tensor = (...values: number[]) => ({
    datatype: 'FP32' as const,
    shape: [values.length],
    data: Buffer.from(new Float32Array(values).buffer).toString('base64'),
  });
  const golden: Golden = {
    format: 'covey-golden/1',
    vectors: [{ inputs: { x: tensor(1, 2, 3) }, outputs: { y: tensor(2, 3, 4) } }],
  };
  goldenPath = await models.write('golden.json', new TextEncoder().encode(JSON.stringify(golden)));
});
afterAll(() => models.remove());

/** The real process: one job, one answer, exit 0. */
async function probed(candidates: ProbeCandidate[]): Promise<ProbeResult[]> {
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
  child.send({ type: 'probe', candidates, runs: 5 } satisfies ProbeJob);
  await expect.poll(() => exits, { timeout: 15_000 }).toEqual([{ code: 0, signal: null }]);
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  if (answer?.type !== 'verdict') throw new Error(`the probe failed: ${answer?.error.message}`);
  return answer.results;
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

test('right variants are measured and one is chosen; a wrong one says which element is off', async () => {
  const results = await probed([await candidate({ fp32: 1, int8: 1.005, broken: 1.5 })]);
  expect(results).toMatchObject([
    { model: 'm', version: '1.0.0', variant: 'fp32', provider: 'cpu', ok: true, maxError: 0 },
    { variant: 'int8', ok: true, maxError: expect.closeTo(0.005, 3) },
    {
      variant: 'broken',
      ok: false,
      chosen: false,
      latencyMs: null,
      reason: 'GOLDEN_MISMATCH: output y: element 0: expected 2, got 2.5',
    },
  ]);
  const right = results.filter(({ ok }) => ok);
  for (const result of right) {
    expect(result.latencyMs).toBeGreaterThan(0);
    expect(result.memoryBytes).toBeGreaterThanOrEqual(0);
  }
  const fastest = Math.min(...right.map(({ latencyMs }) => latencyMs ?? Number.POSITIVE_INFINITY));
  expect(results.filter(({ chosen }) => chosen)).toMatchObject([{ ok: true, latencyMs: fastest }]);
});

test('files that are no models, and golden vectors that are none, fail their variant alone', async () => {
  const good = await candidate({ good: 1 });
  const garbage = await models.write('garbage.onnx', new TextEncoder().encode('no model'));
  const [variant] = good.variants;
  if (!variant) throw new Error('no variant');
  const mixed = { ...good, variants: [{ ...variant, name: 'garbage', path: garbage }, variant] };
  const unreadable = { ...good, goldenPath: garbage };
  expect(await probed([mixed, unreadable])).toMatchObject([
    { variant: 'garbage', ok: false, reason: expect.stringMatching(/^MODEL_INVALID: /), chosen: false },
    { variant: 'good', ok: true, chosen: true },
    {
      variant: 'good',
      ok: false,
      reason: expect.stringMatching(/^WIRE_MALFORMED: golden vectors/),
      chosen: false,
    },
  ]);
});

test('without golden vectors a variant is loaded and warmed, nothing more', async () => {
  expect(await probed([await candidate({ only: 7 }, false)])).toMatchObject([
    { ok: true, chosen: true, maxError: null, latencyMs: null },
  ]);
});
