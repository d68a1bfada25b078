import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  calibrate,
  compareBehaviour,
  type Execution,
  GraphBuilder,
  type Model,
  modelSchema,
  quantizeDynamic,
  quantizeStatic,
  type Sample,
  type StaticOptions,
  writeModel,
} from '@covey/onnx';
import { nodeProcesses } from '@covey/ports';
import {
  encodeGolden,
  type ProbeAnswer,
  type ProbeJob,
  type ProbeResult,
  type Tensor,
} from '@covey/protocol';
import { createExecution } from '@covey/runtime';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'covey-processors-'));
const execution = createExecution();
afterAll(() => {
  execution.close();
  rmSync(folder, { recursive: true });
});

/** The relative error that a variant may have. */
const allowed = 0.02;

const width = 64;
const near = (count: number): Tensor => {
  const numbers = Float32Array.from({ length: count }, (_, i) => 1 - (i % 7) / 100);
  return { datatype: 'FP32', shape: [count / width, width], data: new Uint8Array(numbers.buffer) };
};
const sample: Sample = { x: near(width) };

/** A product of large activations with large weights: what saturates most where sums are kept in 16 bits. */
function product(): Model {
  const builder = new GraphBuilder('product');
  builder.input({ name: 'x', datatype: 'FP32', shape: [1, width] });
  builder.node('MatMul', ['x', builder.initializer('w', near(width * width))], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [1, width] });
  return builder.build();
}

/** The real process that judges a version on a device. */
async function probed(job: ProbeJob): Promise<ProbeResult[]> {
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
  child.send(job);
  await expect.poll(() => exits, { timeout: 60_000 }).toEqual([{ code: 0, signal: null }]);
  const [answer] = answers;
  if (answer?.type !== 'verdict') throw new Error(`the probe failed: ${answer?.error.message}`);
  return answer.results;
}

/** The model quantized in ways that compute the same where sums are exact. */
async function variantsOf(model: Model, execution: Execution): Promise<Record<string, Model>> {
  const ranges = await calibrate(model, execution, [sample], { method: 'minmax' });
  const keep = new Set<string>();
  const common = { activations: 'uint8', activationsSymmetric: false, weightsSymmetric: true } as const;
  const statically = (weights: StaticOptions['weights']) =>
    quantizeStatic(model, ranges, { ...common, weights, perChannel: true, keep });
  return {
    'all of int8': statically('int8'),
    'int8-qdq': statically('int7'),
    'int8-dynamic': quantizeDynamic(model, { weights: 'int7', perChannel: true, keep }),
  };
}

/** Judges the variants by what fp32 answers to the sample. */
async function jobOf(model: Model, variants: Record<string, Model>, execution: Execution): Promise<ProbeJob> {
  const loaded = await execution.load(writeModel(model));
  const outputs = await loaded.run(sample);
  await loaded.release();
  const goldenPath = join(folder, 'golden.bin');
  writeFileSync(goldenPath, encodeGolden([{ inputs: sample, outputs }]));
  const files = Object.entries(variants).map(([name, variant]) => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, writeModel(variant));
    const tolerance = { kind: 'relative-error', output: 'y', absolute: 0, relative: allowed } as const;
    return { name, path, tolerances: [tolerance] };
  });
  const ref = { model: 'product', version: '1.0.0', number: 1, bundle: 'a'.repeat(64) };
  const candidate = { ref, schema: modelSchema(model), goldenPath, variants: files };
  return { type: 'probe', limitMs: 9_000, candidates: [candidate] };
}

test('weights of all 8 bits are refused where this processor gets them wrong, and another variant serves; those of 7 bits are right on each', async () => {
  const model = product();
  const variants = await variantsOf(model, execution);
  const results = await probed(await jobOf(model, variants, execution));
  for (const [name, variant] of Object.entries(variants)) {
    const { outputs } = await compareBehaviour(model, variant, execution, [sample]);
    const isRight = (outputs.y?.relativeError ?? Number.NaN) <= allowed;
    expect(isRight || name === 'all of int8', name).toBe(true);
    const judged = results.filter((result) => result.variant === name && result.provider === 'cpu');
    expect(judged.length, name).toBeGreaterThan(0);
    for (const { ok, reason } of judged) {
      expect(ok, reason ?? name).toBe(isRight);
      if (!ok) expect(reason).toMatch(/^GOLDEN_MISMATCH: output y: its root mean square error is /);
    }
  }
  expect(results.filter(({ chosen }) => chosen)).toMatchObject([{ ok: true }]);
});
