import type { ModelSchema } from '@covey/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { variedInputs } from './models.ts';
import { deviceOptions } from './session-options.ts';

/** Program: ONNX Runtime and nothing else, in a process of its own, on its main thread. */

export interface BareStart {
  path: string;
  schema: ModelSchema;
  inputCount: number;
  /** `default`: what ONNX Runtime does unasked. */
  options: 'device' | 'default';
}
/** Outputs of every input, joined in the order of the schema. */
export interface BareReady {
  outputs: Uint8Array[];
}
export interface BareRuns {
  latenciesMs: number[];
}

const sessionOptions: Record<BareStart['options'], InferenceSession.SessionOptions> = {
  device: deviceOptions,
  default: { logSeverityLevel: 4 },
};

process.once('disconnect', () => process.exit());
process.once('message', (start: BareStart) => void serve(start));

async function serve({ path, schema, inputCount, options }: BareStart): Promise<void> {
  const session = await InferenceSession.create(path, sessionOptions[options]);
  const feeds = variedInputs(schema, inputCount).map((inputs) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [
        name,
        new Tensor('float32', new Float32Array(data.buffer), shape),
      ]),
    ),
  );
  const names = schema.outputs.map(({ name }) => name);
  const outputs: Uint8Array[] = [];
  for (const feed of feeds) {
    const result = await session.run(feed, names);
    outputs.push(Buffer.concat(names.map((name) => bytesOf(result[name]))));
  }
  let next = 0;
  process.on('message', async ({ runs }: { runs: number }) => {
    const latenciesMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      const feed = feeds[next++ % feeds.length] ?? {};
      const startedMs = performance.now();
      await session.run(feed, names);
      latenciesMs.push(performance.now() - startedMs);
    }
    process.send?.({ latenciesMs } satisfies BareRuns);
  });
  process.send?.({ outputs } satisfies BareReady);
}

function bytesOf(tensor: Tensor | undefined): Uint8Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('the model gave no FP32 output');
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
