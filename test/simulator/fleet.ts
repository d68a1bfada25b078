import { type SimulatedWorld, simulatedWorld } from '@covey/ports/simulated';
import { softwareName } from '@covey/protocol';
import { RolloutPlan, type RolloutView } from '@covey/protocol/api';
import { SimulatedController } from './controller.ts';
import { type DeviceOptions, SimulatedDevice } from './device.ts';
import { SimulatedNetwork } from './network.ts';
import { Transcript } from './transcript.ts';
import {
  keys,
  makeBundles,
  makeSoftware,
  modelName,
  publishRoot,
  publishVersion,
  type SoftwareVersionName,
  softwarePlatform,
  softwareVersions,
  type VersionName,
  versions,
} from './versions.ts';
import { Watch } from './watch.ts';

export interface Fleet {
  world: SimulatedWorld;
  network: SimulatedNetwork;
  controller: SimulatedController;
  devices: SimulatedDevice[];
  watch: Watch;
  transcript: Transcript;
  /** Digest of each version's bundle. */
  digests: Record<VersionName | SoftwareVersionName, string>;
}

/** Values, and the same for every fleet. */
const bundles = makeBundles();
const software = makeSoftware();

/** Devices with the real agent, the real controller, and a network between them, all on virtual time from one seed. */
export async function createFleet(
  seed: number,
  deviceCount: number,
  hooks: Pick<DeviceOptions, 'persisted' | 'hasLauncher'> = {},
): Promise<Fleet> {
  const world = simulatedWorld(seed);
  const transcript = new Transcript(() => world.clock.monotonicMs());
  const watch = new Watch(transcript);
  const network = new SimulatedNetwork(world, watch);
  const controller = await SimulatedController.open(world, network, keys.online);
  const agreements = new Map(
    Object.entries(bundles).map(([name, { digest }]) => [digest, versions[name as VersionName].agreement]),
  );
  const devices = Array.from({ length: deviceCount }, (_, index) => {
    const id = `device-${String(index + 1).padStart(2, '0')}`;
    return new SimulatedDevice({
      ...hooks,
      id,
      world,
      link: network.link,
      fetch: (request) => network.fetch(id, request, (url) => controller.answer(url)),
      agreementOf: (bundle) => agreements.get(bundle) ?? 1,
      noted: (line) => transcript.note(line),
      served: (bundles) => watch.served(id, bundles),
      failed: (error) => watch.violated(`${id} cannot start: ${String(error)}`),
    });
  });
  await controller.start();
  const root = await publishRoot(controller.domain, world.clock.now());
  for (const device of devices) {
    await device.enrol(root);
    await controller.storage.db
      .insertInto('devices')
      .values({ id: device.id, tags: '{}', enrolled_at: world.clock.now() })
      .execute();
    device.boot();
  }
  const published = [...Object.values(bundles), ...(hooks.hasLauncher ? Object.values(software) : [])];
  for (const bundle of published) await publishVersion(controller.domain, bundle, world.clock.now());
  const { first, good, bad, unfit } = bundles;
  const { fresh, newer, deaf, dead } = software;
  const digests = {
    ...{ first: first.digest, good: good.digest, bad: bad.digest, unfit: unfit.digest },
    ...{ fresh: fresh.digest, newer: newer.digest, deaf: deaf.digest, dead: dead.digest },
  };
  return { world, network, controller, devices, watch, transcript, digests };
}

/** Begins to roll a version out to all: one device, half of them, the rest. The faults of a scenario end well before the gate gives up. */
export function rollOut({ controller }: Fleet, name: VersionName, minSamples: number): Promise<RolloutView> {
  const plan = RolloutPlan.parse({
    model: modelName,
    version: versions[name].version,
    waves: [{ count: 1 }, { percent: 50 }],
    gate: { timeoutMs: 4 * 3_600_000 },
    soak: { minSamples, maxDurationMs: 3_600_000 },
  });
  return controller.domain.rollouts.create(plan, 'admin');
}

/** Software of the agent, in the same waves; it is taken back that does not reach the controller within `contactMs`. */
export function rollOutSoftware(
  { controller }: Fleet,
  name: SoftwareVersionName,
  contactMs: number,
): Promise<RolloutView> {
  const plan = RolloutPlan.parse({
    model: softwareName(softwarePlatform),
    version: softwareVersions[name].version,
    waves: [{ count: 1 }, { percent: 50 }],
    gate: { timeoutMs: 4 * 3_600_000 },
    soak: { minSamples: 1, maxDurationMs: contactMs },
  });
  return controller.domain.rollouts.create(plan, 'admin');
}
