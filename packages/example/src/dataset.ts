import { Random } from './random.ts';
import { classNames, drawMachine, vibrationWindow } from './signal.ts';

/** A window of vibration, [1024] samples in g, and what it shows as an index into `classNames`. */
export interface LabelledWindow {
  samples: Float32Array<ArrayBuffer>;
  classIndex: number;
}

/** Seeds of data that must never be the same: a model is judged, calibrated and shown on windows it did not learn from. */
export const seeds = {
  initial: 1,
  training: 2,
  heldOut: 3,
  calibration: 4,
  golden: 5,
  reference: 6,
} as const;

/**
 * Window number `index` of the balanced data of `seed`: classes in turn, each on a machine of its own.
 * The same pair gives the same window, so that no data need be stored.
 */
export function balancedWindow(seed: number, index: number): LabelledWindow {
  const random = new Random(seed, index);
  const classIndex = index % classNames.length;
  return { samples: vibrationWindow(random, drawMachine(random), classIndex), classIndex };
}

/** The first `count` windows of the balanced data of `seed`. */
export function* balancedWindows(seed: number, count: number): Generator<LabelledWindow> {
  for (let index = 0; index < count; index++) yield balancedWindow(seed, index);
}
