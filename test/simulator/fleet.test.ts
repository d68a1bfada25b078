import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { longScenarios, runScenario, type ScenarioOptions, shortScenario } from './scenario.ts';
import { runSoftwareScenario, softwareScenarios } from './software-scenario.ts';

const calm: ScenarioOptions = {
  ...{ seed: 1, devices: 12, second: 'good', faultsMs: 0, faultsPerSecond: 0, minSamples: 300 },
};

describe('a fleet of real agents and the real controller on virtual time', () => {
  it.each(['good', 'bad'] as const)('converges on a %s version when nothing goes wrong', async (second) => {
    const outcome = await runScenario({ ...calm, second });
    expect(outcome.dropped).toBe(0);
  });

  const seed = randomInt(1_000_000_000);
  // One of the two, by chance; `npm run long` takes both.
  const isTaken = (_: unknown, index: number) => process.env.COVEY_LONG !== undefined || index === seed % 2;
  it.each(longScenarios(seed).filter(isTaken))(
    'converges on a $second version through faults (repeat with: npm run simulate -- --seed $seed)',
    async (scenario) => {
      await runScenario(scenario);
    },
  );

  it.each(softwareScenarios(seed))(
    'comes back from $second software, and from damage to what runs (repeat with: npm run simulate -- --software --seed $seed)',
    async (scenario) => {
      await runSoftwareScenario(scenario);
    },
  );

  it('does the same again from the same seed, and something else from another', async () => {
    const digestOf = async (chosen: number) =>
      (await runScenario({ ...shortScenario(chosen), second: 'bad' })).digest;
    const digest = await digestOf(7);
    expect(await digestOf(7)).toBe(digest);
    expect(await digestOf(8)).not.toBe(digest);
  });
});
