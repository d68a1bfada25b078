import type { LabelledWindow } from './dataset.ts';
import { Random } from './random.ts';
import { classNames, drawMachine, vibrationWindow } from './signal.ts';

export interface StreamOptions {
  seed: number;
  /** Which device of the fleet: every third one watches a machine whose bearing is failing. */
  deviceIndex: number;
  /** Slower, noisier and louder than in training, so that drift can be seen. */
  shifted?: boolean;
}

/** What one device's sensor hears, window after window, without end; equal options give equal streams. */
export function* vibrationStream(options: StreamOptions): Generator<LabelledWindow, never> {
  const random = new Random(options.seed, options.deviceIndex);
  const machine = drawMachine(random, options.shifted);
  const shares = classShares(options.deviceIndex);
  while (true) {
    const classIndex = drawClass(random, shares);
    yield { samples: vibrationWindow(random, machine, classIndex), classIndex };
  }
}

/** How often a device meets each class: mostly healthy, or half of the time the fault that its bearing is getting. */
function classShares(deviceIndex: number): number[] {
  const faultCount = classNames.length - 1;
  if (deviceIndex % 3 !== 2) return classNames.map((_, i) => (i === 0 ? 0.88 : 0.12 / faultCount));
  const fault = 1 + (Math.floor(deviceIndex / 3) % faultCount);
  return classNames.map((_, i) => (i === 0 ? 0.5 : i === fault ? 0.4 : 0.1 / (faultCount - 1)));
}

function drawClass(random: Random, shares: readonly number[]): number {
  let rest = random.uniform();
  const drawn = shares.findIndex((share) => {
    rest -= share;
    return rest < 0;
  });
  return Math.max(drawn, 0);
}
