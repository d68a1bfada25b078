import { createHash } from 'node:crypto';
import { type BundleSource, buildBundle } from '@covey/bundle';
import { type Client, ensureTrust, publishBundle } from '@covey/cli';
import { GraphBuilder, writeModel } from '@covey/onnx';
import type { ModelSchema, Tensor } from '@covey/protocol';
import type { VersionView } from '@covey/protocol/api';

export interface ScalingOptions {
  /** Bytes that no other version has, so that the download takes its time. */
  ballastBytes?: number;
  /** Fails in the run for every batch but one row, which the golden vectors have. */
  oneRowOnly?: boolean;
  /** Instead of the model's bytes. */
  onnx?: Uint8Array;
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);
const schema: ModelSchema = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 4] }],
};

/** The smallest model that serves: y = 2 x, for any number of rows of four. */
export function scalingModel(version: string, options: ScalingOptions = {}): Uint8Array {
  const graph = new GraphBuilder('scaling');
  const [input, output] = [schema.inputs[0], schema.outputs[0]];
  if (!input || !output) throw new Error('the schema has an input and an output');
  let x = graph.input(input);
  if (options.oneRowOnly) {
    const shape = { datatype: 'INT64', shape: [2], data: new Uint8Array(new BigInt64Array([1n, 4n]).buffer) };
    x = graph.node('Reshape', [x, graph.initializer('row', shape as Tensor)], 'one_row');
  }
  if (options.ballastBytes) {
    const data = ballast(version, options.ballastBytes);
    const weights = graph.initializer('ballast', { datatype: 'UINT8', shape: [data.byteLength], data });
    graph.node('Identity', [weights], 'ballast_used');
  }
  const scale = graph.initializer('scale', { datatype: 'FP32', shape: [1], data: floats(2) });
  graph.node('Mul', [x, scale], 'y');
  graph.output(output);
  return writeModel(graph.build());
}

/** Bytes that follow from the seed and do not repeat. */
function ballast(seed: string, sizeBytes: number): Uint8Array {
  return createHash('shake256', { outputLength: sizeBytes }).update(seed).digest();
}

export function scalingBundleSource(version: string, options: ScalingOptions = {}): BundleSource {
  const tensor = (...values: number[]): Tensor => ({
    datatype: 'FP32',
    shape: [1, 4],
    data: floats(...values),
  });
  return {
    model: 'scaling',
    version,
    createdAt: '2026-01-01T00:00:00.000Z',
    securityCounter: 0,
    schema,
    variants: [
      {
        name: 'fp32',
        tolerances: [{ kind: 'elements', absolute: 1e-6, relative: 1e-6 }],
        bytes: options.onnx ?? scalingModel(version, options),
      },
    ],
    golden: [{ inputs: { x: tensor(1, 2, 3, 4) }, outputs: { y: tensor(2, 4, 6, 8) } }],
  };
}

/** Signs a version with the fleet's publisher key and publishes it. */
export async function publishScaling(
  { client, data }: { client: Client; data: string },
  version: string,
  options: ScalingOptions = {},
): Promise<VersionView> {
  const publisher = await ensureTrust(client, data);
  return publishBundle(client, buildBundle(scalingBundleSource(version, options)), [publisher], () => {});
}
