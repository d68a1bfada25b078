import { type ExampleVersion, exampleVersion, type exampleVersions, vibrationStream } from '@covey/example';
import type { Tensor, Tolerance } from '@covey/protocol';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';

const floats = (tensor: Tensor | undefined) =>
  new Float32Array(tensor?.data.slice().buffer ?? new ArrayBuffer(0));

type Run = (windows: Float32Array[]) => Promise<Float32Array[]>;

/** Runs `use` with a session on a variant's bytes; windows go in as one batch. */
async function withSession<T>(
  example: ExampleVersion,
  variant: string,
  use: (run: Run) => Promise<T>,
): Promise<T> {
  const bytes = example.variants.find(({ name }) => name === variant)?.bytes;
  if (!bytes) throw new Error(`no variant ${variant}`);
  const session = await InferenceSession.create(bytes);
  try {
    return await use(async (windows) => {
      const batch = new Float32Array(windows.length * 1024);
      windows.forEach((samples, i) => {
        batch.set(samples, i * 1024);
      });
      const outputs = await session.run({
        vibration: new OrtTensor('float32', batch, [windows.length, 1, 1024]),
      });
      const probabilities = outputs.probabilities?.data;
      if (!(probabilities instanceof Float32Array)) throw new Error('no probabilities');
      return windows.map((_, i) => probabilities.slice(i * 4, i * 4 + 4));
    });
  } finally {
    await session.release();
  }
}

const decisionOf = (probabilities: Float32Array) => probabilities.indexOf(Math.max(...probabilities));

/** The largest error that the example's tolerances let an element have. */
function absoluteOf([tolerance]: Tolerance[]): number {
  if (tolerance?.kind !== 'elements') throw new Error('the example is compared by element');
  return tolerance.absolute;
}

/** Largest error of a variant against the golden outputs. */
function goldenError(example: ExampleVersion, variant: string): Promise<number> {
  return withSession(example, variant, async (run) => {
    const outputs = await run(example.goldenInputs.map((inputs) => floats(inputs.vibration)));
    return Math.max(
      ...example.goldenOutputs.flatMap((expected, i) =>
        Array.from(floats(expected.probabilities), (value, at) =>
          Math.abs(value - (outputs[i]?.[at] ?? Number.NaN)),
        ),
      ),
    );
  });
}

/** Windows as the fleet meets them, on more machines than one could choose a seed by: machines differ more than windows. */
const fleet = Array.from({ length: 105 }, (_, deviceIndex) => {
  const stream = vibrationStream({ seed: 2026, deviceIndex });
  return Array.from({ length: 10 }, () => stream.next().value);
}).flat();

async function decisions(version: (typeof exampleVersions)[number], variant: string): Promise<number[]> {
  return withSession(exampleVersion(version), variant, async (run) =>
    (await run(fleet.map(({ samples }) => samples))).map(decisionOf),
  );
}

async function agreement(one: Promise<number[]>, other: Promise<number[]>): Promise<number> {
  const [a, b] = await Promise.all([one, other]);
  return a.filter((decision, i) => decision === b[i]).length / a.length;
}

describe('the example models in ONNX Runtime', () => {
  test.each(['1.0.0', '1.1.0', '1.2.0'] as const)(
    '%s: fp32 and int8 are within their tolerances',
    async (version) => {
      const example = exampleVersion(version);
      for (const { name, tolerances } of example.variants) {
        // half the tolerance, so that another CPU's rounding has room
        expect(await goldenError(example, name)).toBeLessThan(absoluteOf(tolerances) / 2);
      }
    },
  );

  test('1.2.1: fp32 and int8 are far outside their tolerances', async () => {
    const example = exampleVersion('1.2.1');
    for (const { name, tolerances } of example.variants) {
      expect(await goldenError(example, name)).toBeGreaterThan(absoluteOf(tolerances) * 10);
    }
  });

  test.each(['1.0.0', '1.1.0'] as const)(
    '%s: fp32 equals our own forward pass on fleet windows',
    async (version) => {
      const example = exampleVersion(version);
      const references = [...example.referenceInputs()];
      await withSession(example, 'fp32', async (run) => {
        const outputs = await run(references.map(({ inputs }) => floats(inputs.vibration)));
        for (const [i, reference] of references.entries()) {
          floats(reference.outputs.probabilities).forEach((value, at) => {
            expect(Math.abs(value - (outputs[i]?.[at] ?? Number.NaN))).toBeLessThan(1e-4);
          });
        }
      });
    },
  );

  test.each(['1.0.0', '1.1.0'] as const)(
    '%s: int8 decides as fp32 does on 98 % of fleet windows',
    async (version) => {
      expect(
        await agreement(decisions(version, 'fp32'), decisions(version, 'int8-qdq')),
      ).toBeGreaterThanOrEqual(0.98);
    },
  );

  test('1.1.0 decides as 1.0.0 does on 97 % of fleet windows; 1.2.0 does not', async () => {
    const candidate = decisions('1.1.0', 'fp32');
    expect(await agreement(decisions('1.0.0', 'fp32'), candidate)).toBeGreaterThan(0.97);
    expect(await agreement(decisions('1.2.0', 'fp32'), candidate)).toBeLessThan(0.5);
  });
});
