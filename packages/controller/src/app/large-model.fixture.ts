import { GraphBuilder, writeModel } from '@covey/onnx';

const inner = 5_000;

/** Two layers of weights that look random, and a small step further. */
export function modelBytes(step: number): Uint8Array {
  const builder = new GraphBuilder('mlp');
  builder.input({ name: 'x', datatype: 'FP32', shape: [-1, 4] });
  for (const [name, shape] of [['w1', [4, inner]] as const, ['w2', [inner, 4]] as const]) {
    const floats = Float32Array.from(
      { length: 4 * inner },
      (_, i) => 0.05 * Math.sin(i * i * 0.37 + name.length) + step * Math.sin(i * 1.7),
    );
    builder.initializer(name, { datatype: 'FP32', shape: [...shape], data: new Uint8Array(floats.buffer) });
  }
  builder.node('MatMul', ['x', 'w1'], 'h');
  builder.node('MatMul', ['h', 'w2'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [-1, 4] });
  return writeModel(builder.build());
}
