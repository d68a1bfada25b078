import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { longScenarios, type Outcome, runScenario, shortScenario } from './scenario.ts';
import { runSoftwareScenario, softwareScenarios } from './software-scenario.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    short: { type: 'boolean', default: false },
    software: { type: 'boolean', default: false },
  },
});
/** `--seed` repeats one run, or is the first of `--seeds`. */
const firstSeed = wholeNumber('--seed', values.seed) ?? randomInt(1_000_000_000);
const runs = wholeNumber('--seeds', values.seeds) ?? (values.seed === undefined ? 50 : 1);
const form = values.software ? 'software' : values.short ? 'short' : 'long';
/** So many runs are worth a line each; of more, every so many. */
const mostTold = 100;

process.exitCode = await simulate();

async function simulate(): Promise<number> {
  const failed: number[] = [];
  const startMs = performance.now();
  let virtualMs = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    for (const { run, ...scenario } of runsOf(seed)) {
      try {
        const outcome = await run();
        virtualMs += outcome.virtualMs;
        if (runs <= mostTold) say(`${nameOf(scenario)}: ${resultOf(outcome)}`);
      } catch (error) {
        if (failed.at(-1) !== seed) failed.push(seed);
        say(`${nameOf(scenario)}: FAILED\n${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const done = seed - firstSeed + 1;
    if (runs > mostTold && done % mostTold === 0) say(`${done} seeds, ${failed.length} failed`);
  }
  const realSeconds = (performance.now() - startMs) / 1_000;
  const hours = virtualMs / 3_600_000;
  say(
    `${runs} seeds from ${firstSeed}: ${hours.toFixed(1)} virtual hours in ${realSeconds.toFixed(0)} s, ` +
      `${((hours * 3_600) / realSeconds).toFixed(0)} times as fast as time, ` +
      `${(runs / realSeconds).toFixed(1)} seeds a second; ${failed.length} failed`,
  );
  for (const seed of failed)
    say(`repeat with: npm run simulate -- --seed ${seed}${form === 'long' ? '' : ` --${form}`}`);
  return failed.length === 0 ? 0 : 1;
}

function runsOf(seed: number) {
  if (form === 'software')
    return softwareScenarios(seed).map((scenario) => ({
      ...scenario,
      run: () => runSoftwareScenario(scenario),
    }));
  const scenarios = form === 'short' ? [shortScenario(seed)] : longScenarios(seed);
  return scenarios.map((scenario) => ({ ...scenario, run: () => runScenario(scenario) }));
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
