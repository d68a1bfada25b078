import type { Sample } from '../calibrate/index.ts';
import type { Execution, LoadedModel } from '../execution.ts';
import { cloneModel, createValueInfo, elementTypes, type Model, writeModel } from '../model/index.ts';
import { inferShapes, type TensorType } from '../shapes/index.ts';
import type { OutputError } from './errors.ts';
import { type Behaviour, compareRuns, type RunOptions } from './runs.ts';

export interface BehaviourOptions extends Pick<RunOptions, 'metric' | 'classOutput'> {
  /** Compare values in between too, where both models call them the same. */
  layers?: boolean;
}

export interface BehaviourComparison extends Behaviour {
  /** In the order in which the first model computes them. */
  layers?: LayerDrift[];
}

/** How far a value in between has drifted; `opType` is of the node that computes it in the first model. */
export interface LayerDrift extends OutputError {
  value: string;
  opType: string;
}

/** Values in between that one run may answer together; beyond it the later ones are left out. */
const layerBytesMax = 256 * 2 ** 20;

/**
 * Runs both models on the samples: what the second loses against the first. Layers are seen as the values of the graph,
 * which a runtime that fuses nodes may never compute. Errors: INVALID_ARGUMENT without samples or a common output; those
 * of the execution.
 */
export async function compareBehaviour(
  reference: Model,
  candidate: Model,
  execution: Execution,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  { layers: withLayers = false, ...asked }: BehaviourOptions = {},
): Promise<BehaviourComparison> {
  const layers = withLayers ? commonLayers(reference, candidate) : [];
  const a = await execution.load(writeModel(withOutputs(reference, layers)));
  try {
    const b = await execution.load(writeModel(withOutputs(candidate, layers)));
    try {
      const answers = takeInputs(reference, a);
      const candidateAnswers = takeInputs(candidate, b);
      const inBetween = new Set(layers.map(({ value }) => value));
      const behaviour = await compareRuns(answers, candidateAnswers, samples, { ...asked, inBetween });
      return withLayers ? splitLayers(behaviour, layers) : behaviour;
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
}

/** The model with what it takes alone: a sample may hold inputs that an edit took away. */
function takeInputs({ graph }: Model, loaded: LoadedModel): LoadedModel['run'] {
  const names = new Set(graph.inputs.map(({ name }) => name));
  return (sample) =>
    loaded.run(Object.fromEntries(Object.entries(sample).filter(([name]) => names.has(name))));
}

interface Layer {
  value: string;
  opType: string;
}

/** Values of numbers that nodes of both graphs give under one name, outputs of the models apart. */
function commonLayers(reference: Model, candidate: Model): Layer[] {
  const answered = new Set([...reference.graph.outputs, ...candidate.graph.outputs].map(({ name }) => name));
  const known = new Set(candidate.graph.nodes.flatMap(({ outputs }) => outputs));
  const types = inferShapes(reference);
  const candidateTypes = inferShapes(candidate);
  const layers: Layer[] = [];
  let sizeBytes = 0;
  for (const { opType, outputs } of reference.graph.nodes)
    for (const value of outputs) {
      const type = types.get(value);
      if (answered.has(value) || !known.has(value) || !isFloat(type) || !isFloat(candidateTypes.get(value)))
        continue;
      sizeBytes += floatBytes(type);
      if (sizeBytes > layerBytesMax) return layers;
      layers.push({ value, opType });
    }
  return layers;
}

function isFloat(type: TensorType | undefined): type is TensorType {
  return type?.elementType === elementTypes.FLOAT;
}

/** Dimensions that are not known count as 1. */
function floatBytes({ shape = [] }: TensorType): number {
  return shape.reduce<number>((product, size) => product * (typeof size === 'number' ? size : 1), 4);
}

function withOutputs(model: Model, layers: readonly Layer[]): Model {
  if (layers.length === 0) return model;
  const extended = cloneModel(model);
  for (const { value } of layers)
    extended.graph.outputs.push(createValueInfo(value, { kind: 'tensor', elementType: elementTypes.FLOAT }));
  return extended;
}

/** What was compared as outputs, apart again: the outputs of the models, and the layers in order. */
function splitLayers({ outputs, ...rest }: Behaviour, layers: readonly Layer[]): BehaviourComparison {
  const values = new Set(layers.map(({ value }) => value));
  return {
    ...rest,
    outputs: Object.fromEntries(Object.entries(outputs).filter(([name]) => !values.has(name))),
    layers: layers.flatMap((layer) => {
      const error = outputs[layer.value];
      return error === undefined ? [] : [{ ...layer, ...error }];
    }),
  };
}
