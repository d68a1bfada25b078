import { GraphBuilder, type Model } from '@covey/onnx';
import type { ModelSchema, Tensor } from '@covey/protocol';
import { type ConvolutionShape, pooling } from './convolution.ts';
import { blocks, classCount, featureCount, type Parameters } from './network.ts';
import { quantizeWeights } from './quantization.ts';
import { windowSamples } from './signal.ts';

/** Shape of the input without the batch: one channel of 1024 samples. */
export const windowShape = [1, windowSamples] as const;
export const inputName = 'vibration';
export const outputName = 'probabilities';

export const schema: ModelSchema = {
  inputs: [{ name: inputName, datatype: 'FP32', shape: [-1, ...windowShape] }],
  outputs: [{ name: outputName, datatype: 'FP32', shape: [-1, classCount] }],
};

/** A tensor of any typed array of the datatype's elements. */
export function tensorOf(datatype: Tensor['datatype'], shape: number[], elements: ArrayBufferView): Tensor {
  return { datatype, shape, data: new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength) };
}

/** The network as an ONNX model in 32-bit floats. */
export function exportFloat(parameters: Parameters): Model {
  const graph = newGraph();
  let signal = inputName;
  parameters.blocks.forEach((layer, i) => {
    const shape = shapeOf(i);
    const weights = graph.initializer(
      `conv${i}.weights`,
      tensorOf('FP32', weightShape(shape), channelsFirst(shape, layer.weights)),
    );
    const bias = graph.initializer(`conv${i}.bias`, tensorOf('FP32', [shape.outputChannels], layer.bias));
    signal = graph.node('Conv', [signal, weights, bias], `conv${i}`, convolutionAttributes(shape));
    signal = graph.node('Relu', [signal], `relu${i}`);
    signal = graph.node('MaxPool', [signal], `pool${i}`, poolingAttributes);
  });
  return withHead(graph, parameters, signal);
}

/**
 * The network statically quantized: QuantizeLinear and DequantizeLinear around each block (u8 signals, s8 weights per
 * channel, s32 bias), as ONNX Runtime's "QDQ" format has it; it fuses each block into integer kernels. The mean over
 * time and the dense layer stay in floats: 100 weights gain no speed and would lose accuracy. `peaks` are the
 * largest magnitudes of the signals, from `calibrate`.
 */
export function exportQuantized(parameters: Parameters, peaks: readonly number[]): Model {
  const graph = newGraph();
  // The vibration swings both ways, so its zero is in the middle; what leaves a ReLU starts at zero.
  let scale = Math.fround((peaks[0] ?? 1) / 127);
  let quantize = signalQuantizer(graph, 'signal0', scale, 128);
  let signal = quantize(inputName, 'input');
  parameters.blocks.forEach((layer, i) => {
    const shape = shapeOf(i);
    const weights = dequantizedWeights(graph, i, layer.weights);
    const bias = dequantizedBias(graph, i, layer.bias, weights.scales, scale);
    signal = graph.node('Conv', [signal, weights.name, bias], `conv${i}`, convolutionAttributes(shape));
    signal = graph.node('Relu', [signal], `relu${i}`);
    scale = Math.fround((peaks[i + 1] ?? 1) / 255);
    quantize = signalQuantizer(graph, `signal${i + 1}`, scale, 0);
    signal = quantize(signal, `relu${i}`);
    signal = graph.node('MaxPool', [signal], `pool${i}`, poolingAttributes);
    signal = quantize(signal, `pool${i}`);
  });
  return withHead(graph, parameters, signal);
}

const poolingAttributes = { kernel_shape: [pooling], strides: [pooling] };

function newGraph(): GraphBuilder {
  const graph = new GraphBuilder('bearing-fault');
  for (const input of schema.inputs) graph.input(input);
  return graph;
}

/** Mean over time, dense layer and softmax, which both variants compute in floats. */
function withHead(graph: GraphBuilder, parameters: Parameters, last: string): Model {
  const { weights, bias } = parameters.dense;
  const dense = [
    graph.initializer('dense.weights', tensorOf('FP32', [classCount, featureCount], weights)),
    graph.initializer('dense.bias', tensorOf('FP32', [classCount], bias)),
  ];
  const mean = graph.node('GlobalAveragePool', [last], 'mean');
  const features = graph.node('Flatten', [mean], 'features', { axis: 1 });
  const logits = graph.node('Gemm', [features, ...dense], 'logits', { transB: 1 });
  graph.node('Softmax', [logits], outputName, { axis: -1 });
  for (const output of schema.outputs) graph.output(output);
  return graph.build();
}

/** Answers a function that rounds a signal to u8 and back. */
function signalQuantizer(graph: GraphBuilder, name: string, scale: number, zeroPoint: number) {
  const parameters = [
    graph.initializer(`${name}.scale`, tensorOf('FP32', [], Float32Array.of(scale))),
    graph.initializer(`${name}.zero`, tensorOf('UINT8', [], Uint8Array.of(zeroPoint))),
  ];
  return (signal: string, stage: string): string => {
    const integers = graph.node('QuantizeLinear', [signal, ...parameters], `${stage}.u8`);
    return graph.node('DequantizeLinear', [integers, ...parameters], `${stage}.rounded`);
  };
}

function dequantizedWeights(graph: GraphBuilder, i: number, weights: Float32Array) {
  const shape = shapeOf(i);
  const { integers, scales } = quantizeWeights(channelsFirst(shape, weights), shape.outputChannels);
  const inputs = [
    graph.initializer(`conv${i}.weights.s8`, tensorOf('INT8', weightShape(shape), integers)),
    graph.initializer(`conv${i}.weights.scale`, tensorOf('FP32', [scales.length], scales)),
    graph.initializer(
      `conv${i}.weights.zero`,
      tensorOf('INT8', [scales.length], new Int8Array(scales.length)),
    ),
  ];
  return { name: graph.node('DequantizeLinear', inputs, `conv${i}.weights`, { axis: 0 }), scales };
}

/** The bias in units of signal scale times weight scale, so that it adds to the integer sums as it is. */
function dequantizedBias(
  graph: GraphBuilder,
  i: number,
  bias: Float32Array,
  weightScales: Float32Array,
  signalScale: number,
): string {
  const scales = weightScales.map((scale) => scale * signalScale);
  const integers = Int32Array.from(bias, (value, channel) => Math.round(value / (scales[channel] ?? 1)));
  const inputs = [
    graph.initializer(`conv${i}.bias.s32`, tensorOf('INT32', [bias.length], integers)),
    graph.initializer(`conv${i}.bias.scale`, tensorOf('FP32', [bias.length], scales)),
    graph.initializer(`conv${i}.bias.zero`, tensorOf('INT32', [bias.length], new Int32Array(bias.length))),
  ];
  return graph.node('DequantizeLinear', inputs, `conv${i}.bias`, { axis: 0 });
}

function shapeOf(i: number): ConvolutionShape {
  const shape = blocks[i];
  if (!shape) throw new RangeError(`the network has no block ${i}`);
  return shape;
}

function weightShape(shape: ConvolutionShape): number[] {
  return [shape.outputChannels, shape.inputChannels, shape.kernel];
}

function convolutionAttributes({ kernel, stride, padding }: ConvolutionShape) {
  return { kernel_shape: [kernel], strides: [stride], pads: [padding, padding] };
}

/** Our weights, [output][kernel][input], in the order of ONNX, [output][input][kernel]. */
function channelsFirst(shape: ConvolutionShape, weights: Float32Array): Float32Array<ArrayBuffer> {
  const { inputChannels, kernel } = shape;
  return Float32Array.from(weights, (_, at) => {
    const tap = at % kernel;
    const channel = Math.floor(at / kernel) % inputChannels;
    const output = Math.floor(at / (kernel * inputChannels));
    return weights[(output * kernel + tap) * inputChannels + channel] ?? 0;
  });
}
