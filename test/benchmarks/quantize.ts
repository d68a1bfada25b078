import {
  calibrate,
  GraphBuilder,
  type Model,
  quantizeDynamic,
  quantizeStatic,
  quantizeWeights,
  writeModel,
} from '@covey/onnx';
import type { Tensor } from '@covey/protocol';
import { createExecution, type Execution } from '@covey/runtime';
import type { Figure, Result } from './figures.ts';
import { faceFigures, hasPhotographs, scheme } from './quantize-face.ts';
import { comparisonFigures, type Variants } from './variants.ts';

/** Of the fastest variant, to the original. */
const mlpLatencyLimit = 0.33;
export const mlpSize = 1024;

/** Quantized models against the fp32 they were made from: latency side by side, size, and how far their answers are off. */
export async function benchmarkQuantize(): Promise<Result> {
  if (!hasPhotographs())
    return { benchmark: 'quantize', skipped: 'there are no photographs beside the checkout' };
  const execution = createExecution();
  try {
    const figures = [...(await faceFigures(execution)), ...(await mlpFigures(execution))];
    return { benchmark: 'quantize', figures };
  } finally {
    execution.close();
  }
}

async function mlpFigures(execution: Execution): Promise<Figure[]> {
  return comparisonFigures({
    name: 'mlp',
    ...(await mlpVariants(execution)),
    limits: { of: 'fastest', latency: mlpLatencyLimit },
    empty: writeModel(emptyMlp()),
  });
}

/** The MLP in all the forms that quantizing gives it, and inputs for it. */
export async function mlpVariants(
  execution: Execution,
): Promise<{ variants: Variants; samples: Record<string, Tensor>[] }> {
  const model = mlp();
  const samples = Array.from({ length: 8 }, (_, i) => ({ x: wave([1, mlpSize], i * 1.7, 1) }));
  const ranges = await calibrate(model, execution, samples, { method: 'minmax' });
  const keep = new Set<string>();
  const weights = { blockSize: 32, form: 'matmul-nbits', symmetric: true, keep } as const;
  const variants: Variants = {
    original: writeModel(model),
    QDQ: writeModel(quantizeStatic(model, ranges, scheme)),
    dynamic: writeModel(quantizeDynamic(model, { weights: 'int7', perChannel: true, keep })),
    'int8 weights': writeModel(quantizeWeights(model, { ...weights, bits: 8 })),
    'int4 weights': writeModel(quantizeWeights(model, { ...weights, bits: 4 })),
  };
  return { variants, samples };
}

/** Two layers of 1024, for a batch of one, or with -1 for one of any size. */
export function mlp(rows: 1 | -1 = 1): Model {
  const builder = new GraphBuilder('mlp');
  builder.input({ name: 'x', datatype: 'FP32', shape: [rows, mlpSize] });
  for (const layer of [1, 2]) {
    builder.initializer(`w${layer}`, wave([mlpSize, mlpSize], layer, 0.05));
    builder.initializer(`b${layer}`, wave([mlpSize], layer + 0.5, 0.1));
  }
  builder.node('Gemm', ['x', 'w1', 'b1'], 'h1');
  builder.node('Relu', ['h1'], 'r1');
  builder.node('Gemm', ['r1', 'w2', 'b2'], 'h2');
  builder.node('Relu', ['h2'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [rows, mlpSize] });
  return builder.build();
}

/** As the MLP looks from outside, doing nothing. */
function emptyMlp(): Model {
  const builder = new GraphBuilder('empty');
  builder.input({ name: 'x', datatype: 'FP32', shape: [1, mlpSize] });
  builder.node('Identity', ['x'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [1, mlpSize] });
  return builder.build();
}

/** Numbers in -size..size that look random. */
function wave(shape: number[], phase: number, size: number): Tensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const elements = Float32Array.from({ length: count }, (_, i) => size * Math.sin(i * i * 0.37 + phase));
  return { datatype: 'FP32', shape, data: new Uint8Array(elements.buffer) };
}
