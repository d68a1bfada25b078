import { describe, expect, test } from 'vitest';
import { bearing6205, faultOrders } from './bearing.ts';
import { classNames, vibrationStream } from './index.ts';
import { Random } from './random.ts';
import { drawMachine, type Machine, sampleRateHz, vibrationWindow, windowSamples } from './signal.ts';

describe('faultOrders', () => {
  test('of the 6205 bearing are those that Case Western Reserve University publishes', () => {
    const orders = faultOrders(bearing6205);
    expect(orders.outerRace).toBeCloseTo(3.5848, 3);
    expect(orders.innerRace).toBeCloseTo(5.4152, 3);
    expect(2 * orders.ballSpin).toBeCloseTo(4.7135, 2);
    expect(orders.cage).toBeCloseTo(0.39828, 3);
  });
});

describe('Random', () => {
  test('has the moments of what it draws', () => {
    const random = new Random(1, 2);
    const count = 100_000;
    const draws = Array.from({ length: count }, () => random.gaussian());
    const mean = draws.reduce((sum, value) => sum + value, 0) / count;
    const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
    // five standard errors: 1/sqrt(n) of the mean, sqrt(2/n) of the variance
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  });

  test('neighbouring seeds and streams are unrelated', () => {
    const first = (seed: number, stream: number) => new Random(seed, stream).uniform();
    const draws = [first(1, 0), first(2, 0), first(1, 1), first(0, 1)];
    expect(new Set(draws).size).toBe(4);
  });
});

/** Power of the squared, mean-free envelope of `samples` at `hz`, by a direct Fourier sum. */
function envelopePower(samples: Float32Array, hz: number): number {
  // Differencing keeps the resonance and removes the shaft's slow harmonics.
  const energy = Array.from(samples.subarray(1), (value, i) => (value - (samples[i] ?? 0)) ** 2);
  const mean = energy.reduce((sum, value) => sum + value, 0) / energy.length;
  let real = 0;
  let imaginary = 0;
  energy.forEach((value, i) => {
    const angle = (2 * Math.PI * hz * i) / sampleRateHz;
    real += (value - mean) * Math.cos(angle);
    imaginary += (value - mean) * Math.sin(angle);
  });
  return real * real + imaginary * imaginary;
}

describe('vibrationWindow', () => {
  const quiet: Machine = {
    shaftHz: 29.5,
    resonanceHz: 3_000,
    dampingRatio: 0.05,
    sensorGain: 1,
    noiseG: 0.02,
  };
  const orders = faultOrders(bearing6205);
  const rates = [0, orders.outerRace, orders.innerRace, 2 * orders.ballSpin].map(
    (order) => order * quiet.shaftHz,
  );

  test.each([1, 2, 3])('class %i rings at the rate of its own fault', (classIndex) => {
    const power = [0, 0, 0, 0];
    for (let seed = 0; seed < 40; seed++) {
      const samples = vibrationWindow(new Random(seed), quiet, classIndex);
      for (const other of [1, 2, 3])
        power[other] = (power[other] ?? 0) + envelopePower(samples, rates[other] ?? 0);
    }
    expect(power.indexOf(Math.max(...power))).toBe(classIndex);
  });
});

describe('vibrationStream', () => {
  const take = (count: number, deviceIndex: number, shifted = false) => {
    const stream = vibrationStream({ seed: 9, deviceIndex, shifted });
    return Array.from({ length: count }, () => stream.next().value);
  };
  const rms = (windows: { samples: Float32Array }[]) =>
    Math.sqrt(
      windows.reduce((sum, { samples }) => sum + samples.reduce((s, value) => s + value * value, 0), 0) /
        (windows.length * windowSamples),
    );

  test('equal options give equal windows, other devices other ones', () => {
    expect(take(3, 4)).toEqual(take(3, 4));
    expect(take(1, 4)).not.toEqual(take(1, 5));
  });

  test('is mostly healthy on a sound device and meets every class on each', () => {
    for (const [deviceIndex, least, most] of [
      [0, 0.8, 0.95],
      [2, 0.4, 0.6],
    ] as const) {
      const classes = take(400, deviceIndex).map((window) => window.classIndex);
      const healthy = classes.filter((classIndex) => classIndex === 0).length / classes.length;
      expect(healthy).toBeGreaterThan(least);
      expect(healthy).toBeLessThan(most);
      expect(new Set(classes).size).toBe(classNames.length);
    }
  });

  test('shifted, it is clearly louder', () => {
    expect(rms(take(50, 0, true))).toBeGreaterThan(1.5 * rms(take(50, 0)));
  });

  test('a shifted machine turns slower', () => {
    expect(drawMachine(new Random(3), true).shaftHz).toBeLessThan(drawMachine(new Random(3)).shaftHz);
  });
});
