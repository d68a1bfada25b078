import { bearing6205, faultOrders } from './bearing.ts';
import type { Random } from './random.ts';

/** What a window shows, in the order of the model's output. */
export const classNames = ['healthy', 'outer-race', 'inner-race', 'ball'] as const;

export const sampleRateHz = 12_000;
export const windowSamples = 1024;

/** A machine as its sensor hears it; amplitudes in g. */
export interface Machine {
  shaftHz: number;
  /** The structural mode that a fault's impacts ring. */
  resonanceHz: number;
  dampingRatio: number;
  sensorGain: number;
  noiseG: number;
}

/** A machine of the fleet. `shifted` ones run slower, in more noise, on a sensor of higher gain than any in training. */
export function drawMachine(random: Random, shifted = false): Machine {
  return {
    shaftHz: random.uniform(28.8, 30) * (shifted ? 0.8 : 1),
    resonanceHz: random.uniform(2_700, 3_500),
    dampingRatio: random.uniform(0.04, 0.08),
    sensorGain: random.uniform(0.9, 1.1) * (shifted ? 1.6 : 1),
    noiseG: random.uniform(0.2, 0.3) * (shifted ? 2 : 1),
  };
}

/**
 * One window of acceleration, [1024] samples in g at 12 kHz: shaft harmonics and gaussian noise, and for a fault the
 * impacts of that fault, each ringing the structure's resonance (model of P. D. McFadden and J. D. Smith, Journal of
 * Sound and Vibration 96 (1984) 69-82, with the random slip of Randall and Antoni (2011), section 2).
 */
export function vibrationWindow(
  random: Random,
  machine: Machine,
  classIndex: number,
): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(windowSamples);
  addShaft(random, machine, samples);
  const fault = faultOf(classIndex, machine.shaftHz);
  if (fault) addImpacts(random, machine, fault, samples);
  for (let i = 0; i < windowSamples; i++) {
    samples[i] = machine.sensorGain * ((samples[i] ?? 0) + machine.noiseG * random.gaussian());
  }
  return samples;
}

/** Imbalance and misalignment: the first three harmonics of the shaft's rate. */
function addShaft(random: Random, machine: Machine, samples: Float32Array): void {
  for (let harmonic = 1; harmonic <= 3; harmonic++) {
    const amplitudeG = random.uniform(0.05, 0.3) / harmonic;
    const phase = random.uniform(0, 2 * Math.PI);
    const step = (2 * Math.PI * harmonic * machine.shaftHz) / sampleRateHz;
    for (let i = 0; i < windowSamples; i++)
      samples[i] = (samples[i] ?? 0) + amplitudeG * Math.sin(step * i + phase);
  }
}

interface Fault {
  impactHz: number;
  /** The rate at which the fault passes the load zone, and how deep that modulates the impacts. */
  modulationHz: number;
  modulationDepth: number;
}

function faultOf(classIndex: number, shaftHz: number): Fault | undefined {
  const orders = faultOrders(bearing6205);
  switch (classNames[classIndex]) {
    // The outer race stands still, so its fault stays where the load is.
    case 'outer-race':
      return { impactHz: orders.outerRace * shaftHz, modulationHz: 0, modulationDepth: 0 };
    case 'inner-race':
      return { impactHz: orders.innerRace * shaftHz, modulationHz: shaftHz, modulationDepth: 0.8 };
    // A spot on a ball strikes both races in every turn of the ball, and rides through the load with the cage.
    case 'ball':
      return {
        impactHz: 2 * orders.ballSpin * shaftHz,
        modulationHz: orders.cage * shaftHz,
        modulationDepth: 0.6,
      };
    default:
      return undefined;
  }
}

/** Balls slip: each interval between impacts varies by about this share (Randall and Antoni: 1 to 2 %). */
const slip = 0.012;
const ringDownTimeConstants = 6;

function addImpacts(random: Random, machine: Machine, fault: Fault, samples: Float32Array): void {
  const severityG = 0.5 * Math.exp(random.uniform(0, 1.4));
  const modulationPhase = random.uniform(0, 2 * Math.PI);
  const angularHz = 2 * Math.PI * machine.resonanceHz;
  const decayPerSecond = machine.dampingRatio * angularHz;
  const ringHz = angularHz * Math.sqrt(1 - machine.dampingRatio * machine.dampingRatio);
  const ringDownS = ringDownTimeConstants / decayPerSecond;
  const periodS = 1 / fault.impactHz;
  // One period early, so that a window may open while an impact still rings.
  let impactS = -ringDownS - random.uniform(0, periodS);
  while (impactS < windowSamples / sampleRateHz) {
    const load =
      1 + fault.modulationDepth * Math.cos(2 * Math.PI * fault.modulationHz * impactS + modulationPhase);
    const amplitudeG = severityG * load * random.uniform(0.85, 1.15);
    const first = Math.max(0, Math.ceil(impactS * sampleRateHz));
    const last = Math.min(windowSamples - 1, Math.floor((impactS + ringDownS) * sampleRateHz));
    for (let i = first; i <= last; i++) {
      const sinceS = i / sampleRateHz - impactS;
      samples[i] =
        (samples[i] ?? 0) + amplitudeG * Math.exp(-decayPerSecond * sinceS) * Math.sin(ringHz * sinceS);
    }
    impactS += periodS * (1 + slip * random.gaussian());
  }
}
