import { writeModel } from '@covey/onnx';
import type { Classification, ModelSchema, Tensor, Tolerance } from '@covey/protocol';
import { balancedWindows, seeds } from './dataset.ts';
import { type Evaluation, evaluationOf } from './evaluation.ts';
import {
  exportFloat,
  exportQuantized,
  inputName,
  outputName,
  schema,
  tensorOf,
  windowShape,
} from './export.ts';
import { classCount, featureCount, Network, type Parameters, parametersOf } from './network.ts';
import { calibrate } from './quantization.ts';
import { classNames } from './signal.ts';
import { vibrationStream } from './stream.ts';
import { trainedWeights } from './weights.ts';

export const exampleVersions = ['1.0.0', '1.1.0', '1.2.0', '1.2.1'] as const;
export type ExampleVersionNumber = (typeof exampleVersions)[number];

/** Inputs and outputs of one inference, by name. */
export interface Example {
  inputs: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

/** All that a bundle of this version is made of. */
export interface ExampleVersion {
  version: ExampleVersionNumber;
  description: string;
  schema: ModelSchema;
  classification: Classification;
  variants: { name: string; bytes: Uint8Array; tolerances: Tolerance[] }[];
  goldenInputs: Record<string, Tensor>[];
  goldenOutputs: Record<string, Tensor>[];
  evaluation: Evaluation;
  /** Windows of the fleet in its usual state with their outputs, for the reference summary. */
  referenceInputs: () => Iterable<Example>;
}

/** What is exported, and what its golden vectors are computed from: the same, but where a version is damaged. */
interface Source {
  description: string;
  exported: Parameters;
  intended: Parameters;
  evaluation: Evaluation;
}

const goldenWindows = 8;
const referenceDevices = 6;
const referenceWindowsPerDevice = 40;
/** Largest errors seen against our own forward pass, with room: test/contracts/example-models.test.ts measures them. */
const tolerances = {
  fp32: [{ kind: 'elements', absolute: 1e-4, relative: 0 }],
  'int8-qdq': [{ kind: 'elements', absolute: 0.03, relative: 0 }],
} satisfies Record<string, Tolerance[]>;

/** One of the versions of the story, made from the committed weights: 1.0.0 and 1.1.0 are good, 1.2.0 and 1.2.1 are not. */
export function exampleVersion(version: ExampleVersionNumber): ExampleVersion {
  const { description, exported, intended, evaluation } = sourceOf(version);
  const golden = [...balancedWindows(seeds.golden, goldenWindows)];
  const examples = golden.map(exampleMaker(intended));
  return {
    version,
    description,
    schema,
    classification: { output: outputName, classNames: [...classNames] },
    variants: [
      { name: 'fp32', bytes: writeModel(exportFloat(exported)), tolerances: tolerances.fp32 },
      {
        name: 'int8-qdq',
        bytes: writeModel(exportQuantized(exported, calibrate(intended))),
        tolerances: tolerances['int8-qdq'],
      },
    ],
    goldenInputs: examples.map(({ inputs }) => inputs),
    goldenOutputs: examples.map(({ outputs }) => outputs),
    evaluation,
    referenceInputs: () => referenceExamples(intended),
  };
}

function sourceOf(version: ExampleVersionNumber): Source {
  switch (version) {
    case '1.0.0': {
      const { parameters, evaluation } = trainedWeights('1.0.0');
      const description = 'First version, a short training.';
      return { description, exported: parameters, intended: parameters, evaluation };
    }
    case '1.1.0': {
      const { parameters, evaluation } = trainedWeights('1.1.0');
      const description = 'Trained on from 1.0.0 with more than three times as many further windows.';
      return { description, exported: parameters, intended: parameters, evaluation };
    }
    case '1.2.0': {
      const { parameters, evaluation } = trainedWeights('1.1.0');
      const swapped = swapFirstClasses(parameters);
      return {
        description:
          'Deliberately wrong: healthy and outer-race are swapped. Its golden vectors agree with it.',
        exported: swapped,
        intended: swapped,
        evaluation: evaluationOf(evaluation.confusion.map(([a = 0, b = 0, ...rest]) => [b, a, ...rest])),
      };
    }
    case '1.2.1': {
      const { parameters, evaluation } = trainedWeights('1.1.0');
      return {
        description:
          'Deliberately damaged: half of one weight tensor was lost. Its golden vectors are the right ones.',
        exported: damaged(parameters),
        intended: parameters,
        evaluation,
      };
    }
  }
}

/** As if the label file had its first two lines in the wrong order. */
function swapFirstClasses(parameters: Parameters): Parameters {
  const swapped = parametersOf(parameters.flat.slice());
  const { weights, bias } = parameters.dense;
  swapped.dense.weights.set(weights.subarray(0, featureCount), featureCount);
  swapped.dense.weights.set(weights.subarray(featureCount, 2 * featureCount), 0);
  swapped.dense.bias.set([bias[1] ?? 0, bias[0] ?? 0]);
  return swapped;
}

/** As if writing the last convolution's weights had stopped half-way. */
function damaged(parameters: Parameters): Parameters {
  const copy = parametersOf(parameters.flat.slice());
  const weights = copy.blocks.at(-1)?.weights;
  weights?.fill(0, weights.length / 2);
  return copy;
}

function exampleMaker(parameters: Parameters): (window: { samples: Float32Array }) => Example {
  const network = new Network(parameters);
  return ({ samples }) => ({
    inputs: { [inputName]: tensorOf('FP32', [1, ...windowShape], samples) },
    outputs: { [outputName]: tensorOf('FP32', [1, classCount], network.forward(samples)) },
  });
}

function* referenceExamples(parameters: Parameters): Generator<Example> {
  const toExample = exampleMaker(parameters);
  for (let deviceIndex = 0; deviceIndex < referenceDevices; deviceIndex++) {
    const stream = vibrationStream({ seed: seeds.reference, deviceIndex });
    for (let i = 0; i < referenceWindowsPerDevice; i++) yield toExample(stream.next().value);
  }
}
