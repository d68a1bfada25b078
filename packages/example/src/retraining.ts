import { writeModel } from '@covey/onnx';
import { exportFloat, exportQuantized } from './export.ts';
import { initialParameters, type Parameters } from './network.ts';
import { calibrate } from './quantization.ts';
import { Random } from './random.ts';
import { type TrainingPlan, train } from './training.ts';
import { trainedWeights } from './weights.ts';

/** A version's files, as ONNX. */
export interface ModelFiles {
  fp32: Uint8Array;
  int8: Uint8Array;
}

/** What an update to the example's 1.1.0 may be, by how its weights came about. */
export interface Retrained {
  before: ModelFiles;
  /** Trained on with small steps; the dense layer alone; from other initial weights. */
  fineTuned: ModelFiles;
  lastLayer: ModelFiles;
  anew: ModelFiles;
}

/** Steps of the trainings, and the learning rate of small ones. */
const steps = 40;
const smallRate = 2e-5;
/** Windows that the published versions never saw. */
const firstWindow = 1_000_000;
const otherSeed = 77;

/** Trains for real; takes about half a minute. Deterministic. */
export function retrain(): Retrained {
  const { parameters: before } = trainedWeights('1.1.0');
  const plan = (learningRate: number): TrainingPlan => ({ firstWindow, steps, learningRate });
  const trained = (start: Parameters, learningRate: number) => train(start, plan(learningRate), () => {});
  const fineTuned = trained(before, smallRate);
  return {
    before: filesOf(before),
    fineTuned: filesOf(fineTuned),
    lastLayer: filesOf({ ...before, dense: fineTuned.dense }),
    anew: filesOf(trained(initialParameters(new Random(otherSeed)), 4e-3)),
  };
}

function filesOf(parameters: Parameters): ModelFiles {
  return {
    fp32: writeModel(exportFloat(parameters)),
    int8: writeModel(exportQuantized(parameters, calibrate(parameters))),
  };
}
