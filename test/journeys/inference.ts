import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface Input {
  shape: number[];
  data: Float32Array | BigInt64Array;
}

/** Runs a model whose outputs are all FP32; by name. */
export type Run = (inputs: Record<string, Input>) => Promise<Record<string, Float32Array>>;

interface Answer {
  outputs: { name: string; parameters: { binary_data_size: number } }[];
}

/** The model on a device, through its HTTP API with the binary extension. An answer other than 200 is thrown. */
export function onDevice(url: string, model: string): Run {
  return async (inputs) => {
    const described = Object.entries(inputs).map(([name, { shape, data }]) => ({
      name,
      shape,
      datatype: data instanceof Float32Array ? 'FP32' : 'INT64',
      parameters: { binary_data_size: data.byteLength },
    }));
    const head = Buffer.from(JSON.stringify({ inputs: described, parameters: { binary_data_output: true } }));
    const tensors = Object.values(inputs).map(({ data }) =>
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    );
    const response = await fetch(`${url}/v2/models/${model}/infer`, {
      method: 'POST',
      body: Buffer.concat([head, ...tensors]),
      headers: { 'inference-header-content-length': String(head.byteLength) },
    });
    if (!response.ok) throw new Error(`${model} answered ${response.status}: ${await response.text()}`);
    const body = await response.arrayBuffer();
    let offset = Number(response.headers.get('inference-header-content-length'));
    const { outputs } = JSON.parse(new TextDecoder().decode(body.slice(0, offset))) as Answer;
    return Object.fromEntries(
      outputs.map(({ name, parameters }) => {
        const from = offset;
        offset += parameters.binary_data_size;
        return [name, new Float32Array(body.slice(from, offset))];
      }),
    );
  };
}

/** The same file in ONNX Runtime alone, on one thread as on the device: sums are then made in the same order. */
export async function alone(path: string): Promise<{ run: Run; release(): Promise<void> }> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const run: Run = async (inputs) => {
    const outputs = await session.run(
      Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, data }]) => [
          name,
          new Tensor(data instanceof Float32Array ? 'float32' : 'int64', data, shape),
        ]),
      ),
    );
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => {
        if (!(data instanceof Float32Array)) throw new Error(`output ${name} is not FP32`);
        return [name, data.slice()];
      }),
    );
  };
  return { run, release: () => session.release() };
}
