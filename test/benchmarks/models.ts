import { join } from 'node:path';
import {
  type Datatype,
  elementBytes,
  elementCount,
  type LoadedModel,
  type ModelSchema,
  type Tensor,
} from '@covey/protocol';

/** Public models beside the checkout. */
const modelFolder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'models');

/** The file of a public model. */
export function modelPath(name: string): string {
  return join(modelFolder, `${name}.onnx`);
}

/** A model of one input, and how much of it makes a round. */
export interface BenchmarkModel {
  name: string;
  path: string;
  schema: ModelSchema;
  /** Runs in a row of one contestant, about 50 ms of them. */
  runsPerRound: number;
  warmRounds: number;
  rounds: number;
  /** Time after which no further round begins: a busy machine shall not take all day. */
  longestMs: number;
}

const fp32 = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });

export const mnist: BenchmarkModel = {
  name: 'mnist',
  path: modelPath('mnist'),
  schema: { inputs: [fp32('Input3', [1, 1, 28, 28])], outputs: [fp32('Plus214_Output_0', [1, 10])] },
  runsPerRound: 50,
  warmRounds: 15,
  rounds: 40,
  longestMs: 15_000,
};
export const faceDetector: BenchmarkModel = {
  name: 'face',
  path: modelPath('face-rfb-320'),
  schema: {
    inputs: [fp32('input', [1, 3, 240, 320])],
    outputs: [fp32('scores', [1, 4420, 2]), fp32('boxes', [1, 4420, 4])],
  },
  runsPerRound: 5,
  warmRounds: 12,
  rounds: 40,
  longestMs: 40_000,
};

/** As a plan names it. */
export function loadedModel(name: string, path: string, schema: ModelSchema): LoadedModel {
  const ref = { model: name, version: '1.0.0', number: 1, bundle: '0'.repeat(64) };
  return { ref, variant: 'fp32', provider: 'cpu', threads: 1, path, schema };
}

/** Different inputs, the same in every process: an answer that was kept from another input is a wrong one. */
export function variedInputs({ inputs }: ModelSchema, count: number): Record<string, Tensor>[] {
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(inputs.map((spec) => [spec.name, variedTensor(spec.datatype, spec.shape, index)])),
  );
}

/** A smooth wave in -1..1, shifted by `index`; dimensions that vary are 1. */
function variedTensor(datatype: Datatype, dimensions: number[], index: number): Tensor {
  if (datatype !== 'FP32') throw new Error(`no benchmark model takes ${datatype}`);
  const shape = dimensions.map((dimension) => (dimension === -1 ? 1 : dimension));
  const elements = new Float32Array(elementCount(shape));
  for (let i = 0; i < elements.length; i++) elements[i] = Math.sin(i * 0.013 + index * 1.7);
  const data = new Uint8Array(elements.buffer, 0, elements.length * elementBytes.FP32);
  return { datatype, shape, data };
}

/** The bytes of an HTTP request in the binary extension of the Open Inference Protocol v2; all outputs come in binary. */
export function inferenceRequest(model: string, inputs: Record<string, Tensor>): Buffer {
  const json = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: Object.entries(inputs).map(([name, { datatype, shape, data }]) => ({
        name,
        datatype,
        shape,
        parameters: { binary_data_size: data.byteLength },
      })),
    }),
  );
  const body = Buffer.concat([json, ...Object.values(inputs).map(({ data }) => data)]);
  const head = [
    `POST /v2/models/${model}/infer HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/octet-stream',
    `Inference-Header-Content-Length: ${json.byteLength}`,
    `Content-Length: ${body.byteLength}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
