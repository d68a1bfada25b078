import type { RolloutView } from '@covey/protocol/api';
import { expect, test } from 'vitest';
import { soakText } from './rollout-soak.ts';

/** `waves`: the versions that the devices of each had before. */
function textOf(waves: (string | null)[][], model = 'bearing'): string {
  return soakText({
    plan: { model, soak: { minSamples: 50, maxDurationMs: 20_000 } },
    waves: waves.map((devices) => ({ devices: devices.map((previous) => ({ previous })) })),
  } as RolloutView);
}

test('devices that have a version compare the new one with it', () => {
  expect(textOf([['1.0.0'], ['1.0.0']])).toBe(
    'each device proves it on 50 live requests, within 20 s; without requests it stays unproven',
  );
});

test('a first version is judged on errors alone, and without requests takes the whole soak in each wave', () => {
  expect(textOf([[null], [null, null]])).toBe(
    'each device proves it on 50 live requests, within 20 s; it is the first version, so nothing is compared there: without requests it soaks for 20 s in each of 2 waves, and counts as success, unproven',
  );
});

test('where it is the first on some devices, both are said', () => {
  expect(textOf([['1.0.0'], [null, '1.0.0']])).toBe(
    'each device proves it on 50 live requests, within 20 s; it is the first version on 1 of 3 devices, so nothing is compared there: without requests it soaks for 20 s, and counts as success, unproven',
  );
});

test('software is proven by reaching the controller', () => {
  expect(textOf([[null]], 'covey-agent-linux-x64')).toBe(
    'each device proves it by reaching the controller, within 20 s',
  );
});
