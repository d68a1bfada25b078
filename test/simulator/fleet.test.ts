import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runScenario, scenariosOf } from './scenario.ts';

describe('a fleet of real agents and the real controller on virtual time', () => {
  it.each(['good', 'bad'] as const)('converges on a %s version when nothing goes wrong', async (second) => {
    const outcome = await runScenario({ seed: 1, devices: 12, second, faultsMs: 0 });
    expect(outcome.dropped).toBe(0);
  });

  const seed = randomInt(1_000_000_000);
  it.each(scenariosOf(seed))(
    'converges on a $second version through faults (repeat with: COVEY_SEED=$seed npm run simulate)',
    async (scenario) => {
      await runScenario(scenario);
    },
  );

  it('does the same again from the same seed, and something else from another', async () => {
    const digestOf = async (chosen: number) =>
      (await runScenario({ seed: chosen, devices: 3, second: 'bad', faultsMs: 60_000 })).digest;
    const digest = await digestOf(7);
    expect(await digestOf(7)).toBe(digest);
    expect(await digestOf(8)).not.toBe(digest);
  });
});
