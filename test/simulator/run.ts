import { randomInt } from 'node:crypto';
import { type Outcome, runScenario, scenariosOf } from './scenario.ts';

/** A seed repeats one run; without one, `COVEY_RUNS` runs start at a random seed. */
const { COVEY_SEED, COVEY_RUNS } = process.env;
const firstSeed = wholeNumber('COVEY_SEED', COVEY_SEED) ?? randomInt(1_000_000_000);
const runs = wholeNumber('COVEY_RUNS', COVEY_RUNS) ?? (COVEY_SEED === undefined ? 50 : 1);

process.exitCode = await simulate();

async function simulate(): Promise<number> {
  const failed: number[] = [];
  const startMs = performance.now();
  let virtualMs = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    for (const scenario of scenariosOf(seed)) {
      try {
        const outcome = await runScenario(scenario);
        virtualMs += outcome.virtualMs;
        say(`${nameOf(scenario)}: ${resultOf(outcome)}`);
      } catch (error) {
        if (failed.at(-1) !== seed) failed.push(seed);
        say(`${nameOf(scenario)}: FAILED\n${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  const realSeconds = (performance.now() - startMs) / 1_000;
  const hours = virtualMs / 3_600_000;
  say(
    `${runs} seeds from ${firstSeed}: ${hours.toFixed(1)} virtual hours in ${realSeconds.toFixed(0)} s, ` +
      `${((hours * 3_600) / realSeconds).toFixed(0)} times as fast as time; ${failed.length} failed`,
  );
  for (const seed of failed) say(`repeat with: COVEY_SEED=${seed} npm run simulate`);
  return failed.length === 0 ? 0 : 1;
}

function nameOf({ seed, devices, second }: { seed: number; devices: number; second: string }): string {
  return `seed ${seed}, ${devices} devices, ${second} version`;
}

function resultOf({ digest, lines, virtualMs, dropped }: Outcome): string {
  const minutes = (virtualMs / 60_000).toFixed(1);
  return `converged in ${minutes} min, ${dropped} messages lost and counted, ${lines} lines ${digest.slice(0, 12)}`;
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is "${text}": give a whole number`);
  return value;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
