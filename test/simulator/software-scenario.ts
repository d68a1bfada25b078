import { Faults } from './faults.ts';
import { createFleet, type Fleet, rollOut, rollOutSoftware } from './fleet.ts';
import { checkAccounts, isQuiet, type Outcome, settleRollout, until } from './scenario.ts';
import type { SoftwareVersionName } from './versions.ts';

export interface SoftwareScenarioOptions {
  seed: number;
  devices: number;
  /** What is rolled out after software that works. */
  second: 'newer' | 'deaf' | 'dead';
  /** How long things go wrong in each of the two rollouts of software. */
  faultsMs: number;
  faultsPerSecond: number;
}

export function softwareScenarios(seed: number): SoftwareScenarioOptions[] {
  const common = { seed, devices: 1 + (seed % 3), faultsMs: 60_000, faultsPerSecond: 0.2 };
  return (['newer', 'deaf', 'dead'] as const).map((second) => ({ ...common, second }));
}

/** Power may be cut once in each rollout: a trial has three starts, and software that works must win. */
const restartsPerDevice = 1;
/** Longer than any fault lasts. */
const contactMs = 20 * 60_000;
const deafContactMs = 4 * 60_000;
/** Starts that a device makes by itself for one rollout, or for damage: into it, what a trial has, back. */
const mostRestarts = 6;
const lastedMs = 6 * 60_000;

/**
 * Rolls software of the agent out to devices that serve a model, then other software that works, reaches nobody or does not
 * start, and then damages what runs on the disk and cuts the power. Besides the invariants of every scenario: a device always comes
 * back with software that works, it is not restarted for ever, and the controller learns of all of it. Errors: what is not so.
 */
export async function runSoftwareScenario(options: SoftwareScenarioOptions): Promise<Outcome> {
  const fleet = await createFleet(options.seed, options.devices, { hasLauncher: true });
  const { world, transcript, devices, watch } = fleet;
  try {
    const calm = new Faults(fleet, 0);
    const begin = () => rollOut(fleet, 'first', 50);
    await settleRollout(fleet, calm, { faultsMs: 0 }, { name: 'first', ending: 'succeeded', begin });
    const faults = new Faults(fleet, options.faultsPerSecond, restartsPerDevice);
    await roll(fleet, faults, 'fresh', options);
    await roll(fleet, faults, options.second, options);
    const final = options.second === 'newer' ? 'newer' : 'fresh';
    await restsOn(fleet, final);
    await damage(fleet);
    await restsOn(fleet, final);
    await checkTold(fleet);
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

async function roll(
  fleet: Fleet,
  faults: Faults,
  name: SoftwareVersionName,
  options: SoftwareScenarioOptions,
): Promise<void> {
  const works = name === 'fresh' || name === 'newer';
  const begin = () => rollOutSoftware(fleet, name, works ? contactMs : deafContactMs);
  for (const device of fleet.devices) device.restarts = 0;
  await settleRollout(fleet, faults, options, { name, ending: works ? 'succeeded' : 'reverted', begin });
}

/** All serve the model from this software, and the controller knows it; nobody was restarted more often than it takes. */
async function restsOn(fleet: Fleet, name: SoftwareVersionName): Promise<void> {
  await until(fleet, `all is reported and ${name} software runs everywhere`, () =>
    isQuiet(fleet, ['first', name]),
  );
  for (const { id, restarts } of fleet.devices)
    if (restarts > mostRestarts) throw new Error(`${id} was started ${restarts} times`);
}

/** Of software that has lasted, as most has that a medium damages: the next start does not look at it. */
async function damage(fleet: Fleet): Promise<void> {
  const { devices } = fleet;
  const { clock } = fleet.world;
  const lastedAtMs = clock.monotonicMs() + lastedMs;
  await until(fleet, 'it lasts', async () => clock.monotonicMs() >= lastedAtMs);
  for (const device of devices) {
    device.restarts = 0;
    if (!device.rotSoftware()) throw new Error(`${device.id} runs what it was installed with`);
    device.cutPower();
    device.boot();
  }
}

async function checkTold({ devices, controller }: Fleet): Promise<void> {
  const events = await controller.storage.db
    .selectFrom('events')
    .select('device')
    .where('kind', '=', 'software-damaged')
    .execute();
  for (const { id } of devices)
    if (!events.some(({ device }) => device === id))
      throw new Error(`nobody was told of the damage on ${id}`);
}
