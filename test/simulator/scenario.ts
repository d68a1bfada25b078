import { isDeepStrictEqual } from 'node:util';
import type { RolloutView } from '@covey/protocol/api';
import { Faults } from './faults.ts';
import { createFleet, type Fleet, rollOut } from './fleet.ts';
import { modelName, type SoftwareVersionName, type VersionName, versions } from './versions.ts';

export interface ScenarioOptions {
  seed: number;
  devices: number;
  /** What is rolled out after the first version. */
  second: 'good' | 'bad';
  /** How long things go wrong in each of the two rollouts; 0: never. */
  faultsMs: number;
  /** Chance of a fault in a second. */
  faultsPerSecond: number;
  /** Mirrored inputs that settle a soak. */
  minSamples: number;
}
export interface Outcome {
  /** SHA-256 of everything that happened. */
  digest: string;
  lines: number;
  virtualMs: number;
  /** Messages that devices said they lost. */
  dropped: number;
}

/** A good and a bad version, each through minutes of faults, on a fleet whose size the seed chooses. */
export function longScenarios(seed: number): ScenarioOptions[] {
  const common = { seed, devices: 5 + (seed % 6), faultsMs: 300_000, faultsPerSecond: 0.08, minSamples: 300 };
  return [
    { ...common, second: 'good' },
    { ...common, second: 'bad' },
  ];
}

/** For runs of thousands: a few devices, in more trouble, for a shorter time; every other seed rolls out the bad version. */
export function shortScenario(seed: number): ScenarioOptions {
  const second = seed % 2 === 0 ? 'good' : 'bad';
  return { seed, second, devices: 1 + (seed % 3), faultsMs: 30_000, faultsPerSecond: 0.2, minSamples: 50 };
}

const stepMs = 1_000;
/** Longest that anything may take once nothing goes wrong any more. */
const patienceMs = 3 * 3_600_000;

/**
 * Installs a first version and rolls out a second, checking the invariants every virtual second, and in the end that all
 * is as it should be. Errors: what is not, with the last lines of the transcript.
 */
export async function runScenario(options: ScenarioOptions): Promise<Outcome> {
  const fleet = await createFleet(options.seed, options.devices);
  const { world, transcript, devices, watch } = fleet;
  try {
    const faults = new Faults(fleet, options.faultsPerSecond);
    const settle = (name: VersionName, ending: Ending) =>
      settleRollout(fleet, faults, options, {
        name,
        ending,
        begin: () => rollOut(fleet, name, options.minSamples),
      });
    await settle('first', 'succeeded');
    const expected = options.second === 'good' ? 'succeeded' : 'reverted';
    const rollout = await settle(options.second, expected);
    const final = options.second === 'good' ? 'good' : 'first';
    await until(fleet, `all is reported and ${versions[final].version} serves everywhere`, () =>
      isQuiet(fleet, [final]),
    );
    if (options.second === 'bad') checkFirstWaveOnly(fleet, rollout);
    await checkAccounts(fleet);
    await watch.check(devices, fleet.controller.storage, world.clock.monotonicMs());
  } catch (error) {
    throw new Error(`${String(error)}\n${transcript.tail()}`, { cause: error });
  }
  const dropped = devices.reduce((sum, { id }) => sum + watch.of(id).sequences.droppedCount, 0);
  const { lines } = transcript;
  const outcome = { digest: transcript.digest(), lines, virtualMs: world.clock.monotonicMs(), dropped };
  await fleet.controller.close();
  return outcome;
}

type Ending = 'succeeded' | 'reverted';

/** Begins a rollout, has things go wrong for a time, and waits for its end. Errors: it is not the one expected. */
export async function settleRollout(
  fleet: Fleet,
  faults: Faults,
  { faultsMs }: Pick<ScenarioOptions, 'faultsMs'>,
  { name, ending, begin }: { name: string; ending: Ending; begin: () => Promise<RolloutView> },
): Promise<RolloutView> {
  const { id } = await begin();
  faults.forgetRestarts();
  for (let elapsedMs = 0; elapsedMs < faultsMs; elapsedMs += stepMs) {
    await faults.strike();
    await step(fleet);
  }
  await faults.heal();
  const view = () => fleet.controller.domain.rollouts.view(id);
  await until(fleet, `the rollout of ${name} ends`, async () =>
    ['succeeded', 'reverted', 'paused'].includes((await view()).state),
  );
  const rollout = await view();
  fleet.transcript.note(`rollout of ${name} ${rollout.state}: ${rollout.reason}`);
  if (rollout.state !== ending)
    throw new Error(`the rollout of ${name} is ${rollout.state}: ${rollout.reason}`);
  return rollout;
}

async function step({ world, watch, devices, controller }: Fleet): Promise<void> {
  await world.advance(stepMs);
  await watch.check(devices, controller.storage, world.clock.monotonicMs());
}

export async function until(fleet: Fleet, what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let elapsedMs = 0; !(await condition()); elapsedMs += stepMs) {
    if (elapsedMs >= patienceMs) throw new Error(`not within ${patienceMs} virtual ms: ${what}`);
    await step(fleet);
  }
}

/** Every device has what is wanted, the controller knows all that the device knows, and nothing is on its way. */
export async function isQuiet(
  { devices, controller, digests }: Fleet,
  names: readonly (VersionName | SoftwareVersionName)[],
): Promise<boolean> {
  const isWanted = (bundle: string) => names.some((name) => digests[name] === bundle);
  const rows = await controller.storage.db
    .selectFrom('devices')
    .innerJoin('sequences', 'sequences.device', 'devices.id')
    .select(['id', 'desired_generation', 'desired', 'reported', 'online', 'missing'])
    .execute();
  return devices.every((device) => {
    const status = device.status();
    const row = rows.find(({ id }) => id === device.id);
    if (!status || !row || row.reported === null || row.desired === null) return false;
    const { reported } = status;
    const stored = JSON.parse(row.reported).reported;
    const wanted = JSON.parse(row.desired).release;
    return (
      row.online === 1 &&
      row.missing === '[]' &&
      status.outbox.messages === 0 &&
      isDeepStrictEqual(stored, JSON.parse(JSON.stringify(reported))) &&
      reported.generation === row.desired_generation &&
      reported.state === 'committed' &&
      reported.releaseId === wanted.id &&
      reported.serving.length === names.length &&
      reported.serving.every(({ bundle }) => isWanted(bundle)) &&
      device.runtime?.plan?.models.every(({ ref }) => isWanted(ref.bundle)) === true
    );
  });
}

function checkFirstWaveOnly({ devices, watch, digests }: Fleet, { waves }: RolloutView): void {
  const firstWave = new Set(waves[0]?.devices.map(({ device }) => device));
  for (const { id } of devices) {
    const { served, committed } = watch.of(id);
    if (committed.has(digests.bad)) throw new Error(`${id} committed the bad version`);
    if (served.has(digests.bad) && !firstWave.has(id))
      throw new Error(`${id} is not of the first wave and served the bad version`);
  }
  if (![...firstWave].some((id) => watch.of(id).served.has(digests.bad)))
    throw new Error('nobody tried the bad version: the scenario proves nothing');
}

/** Every message is stored or counted as lost, and what was stored had its effect exactly once. */
export async function checkAccounts({ devices, watch, controller }: Fleet): Promise<void> {
  const rows = await controller.storage.db
    .selectFrom('metrics')
    .select(['device', ({ fn }) => fn.sum<number>('requests').as('requests')])
    .where('model', '=', modelName)
    .groupBy('device')
    .execute();
  for (const { id } of devices) {
    const { sequences } = watch.of(id);
    const lost = sequences.unaccounted();
    if (lost.length > 0)
      throw new Error(`${id}: messages ${lost.join()} are neither stored nor counted as lost`);
    const counted = Number(rows.find(({ device }) => device === id)?.requests ?? 0);
    if (counted !== sequences.requests)
      throw new Error(`${id}: ${counted} requests are in the database, ${sequences.requests} were reported`);
  }
}
