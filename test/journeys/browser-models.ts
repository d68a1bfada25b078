import { crc32, deflateSync } from 'node:zlib';
import { GraphBuilder, writeModel } from '@covey/onnx';
import { encodeGolden, type ModelSchema, type Tensor } from '@covey/protocol';
import { createExecution } from '@covey/runtime';

export const floats = (shape: number[], values: ArrayLike<number>): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

const spec = (name: string, shape: number[]): ModelSchema['inputs'][number] => ({
  name,
  datatype: 'FP32',
  shape,
});

/** y = x + `constant` for rows of four; `isQuantized`: by way of integers, which WebGPU has no operator for; with so many bytes that nothing uses. */
export function addModel(constant: number, isQuantized = false, ballastBytes = 0): Uint8Array {
  const graph = new GraphBuilder('add');
  let x = graph.input(spec('x', [-1, 4]));
  if (isQuantized) {
    const scale = graph.initializer('scale', floats([], [0.125]));
    const zero = graph.initializer('zero', { datatype: 'UINT8', shape: [], data: Uint8Array.of(128) });
    const integers = graph.node('QuantizeLinear', [x, scale, zero], 'integers');
    x = graph.node('DequantizeLinear', [integers, scale, zero], 'steps');
  }
  if (ballastBytes > 0) {
    const data = new Uint8Array(ballastBytes).fill(constant);
    const ballast = graph.initializer('ballast', { datatype: 'UINT8', shape: [ballastBytes], data });
    graph.node('Identity', [ballast], 'ballast_used');
  }
  graph.node('Add', [x, graph.initializer('c', floats([1], [constant]))], 'y');
  graph.output(spec('y', [-1, 4]));
  return writeModel(graph.build());
}

/** The largest element of the cube of x xT: n numbers take it n^3 steps, so that some thousands take it for ever. */
export function slowModel(): Uint8Array {
  const graph = new GraphBuilder('slow');
  const x = graph.input(spec('x', [-1, 1]));
  const square = graph.node('MatMul', [x, graph.node('Transpose', [x], 'row')], 'square');
  const cube = graph.node('MatMul', [graph.node('MatMul', [square, square], 'fourth'), square], 'cube');
  graph.node('ReduceMax', [cube], 'y');
  graph.output(spec('y', [1, 1]));
  return writeModel(graph.build());
}

/** A picture of 16 x 16 as it is. */
export function pictureModel(): Uint8Array {
  const graph = new GraphBuilder('picture');
  const x = graph.input(spec('x', [-1, 3, 16, 16]));
  graph.node('Identity', [x], 'y');
  graph.output(spec('y', [-1, 3, 16, 16]));
  return writeModel(graph.build());
}

/** What onnxruntime-node answers, and the golden vectors that say so. */
export async function goldenOf(model: Uint8Array, inputs: Record<string, Tensor>) {
  const execution = createExecution();
  try {
    const loaded = await execution.load(model);
    const outputs = await loaded.run(inputs);
    return { outputs, golden: encodeGolden([{ inputs, outputs }]) };
  } finally {
    await execution.close();
  }
}

/** A PNG of 20 x 10 pixels, each of its own colour. */
export function smallPng(): Buffer {
  const [width, height] = [20, 10];
  const rows = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width }, (_, x) => [x * 12, y * 25, (x * y) % 256]).flat(),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, content: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), content]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.byteLength);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
