import { join, resolve } from 'node:path';
import { systemDisk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { RolloutView } from '@covey/protocol/api';
import { lockFolder } from '../folder/lock.ts';
import type { Output } from '../terminal/output.ts';
import { fleetPorts } from './addresses.ts';
import { type Feeder, startFeeder } from './feeder.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { RunningService } from './services.ts';
import { showShift } from './shift.ts';
import { keepShowing } from './showing.ts';
import { chapters, playStory } from './story.ts';
import { createView, type Scene, type View } from './view.ts';

export interface UpOptions {
  devices: number;
  data: string;
  port?: number;
  once: boolean;
  output: Output;
}

const feedIntervalMs = 40;

/**
 * A controller and devices on this machine, each fed its machine's vibration, and the story. Runs until it is interrupted,
 * or with `once` until the story has ended. Resolves with whether all went as it should.
 * Errors: DATA_LOCKED, DATA_FOREIGN, PORT_IN_USE and what else keeps a service from starting.
 */
export async function up(options: UpOptions): Promise<boolean> {
  const data = resolve(options.data);
  await requireOurFolder(data);
  const lock = lockFolder(data, join(data, 'lock'));
  const view = createView(options.output);
  const services: RunningService[] = [];
  const interrupted = interruption(services);
  const startedMs = performance.now();
  let stopFleet: (() => Promise<void>) | undefined;
  try {
    view.tell(
      { event: 'start', data, devices: options.devices },
      `starting a controller and ${options.devices} devices, data in ${data}`,
    );
    const fleet = await Promise.race([
      startFleet(
        { data, deviceCount: options.devices, ports: fleetPorts(options.port), tell: view.tell },
        (service) => services.push(service),
      ),
      interrupted,
    ]);
    if (!fleet) return true;
    stopFleet = () => fleet.stop();
    return await runFleet(fleet, { ...options, data }, view, interrupted, startedMs);
  } finally {
    view.close();
    if (!options.once) view.tell({ event: 'stopping' }, 'stopping: devices finish what they run');
    await (stopFleet?.() ?? Promise.all(services.reverse().map((service) => service.stop())));
    lock.release();
  }
}

/** A folder with other things in it is not filled with ours. */
async function requireOurFolder(data: string): Promise<void> {
  const entries = (await systemDisk.list(data)).map(({ name }) => name);
  const ours = ['controller', 'devices', 'publisher', 'lock', 'logs', 'client.json'];
  const foreign = entries.find((entry) => !ours.some((name) => entry.startsWith(name)));
  if (foreign !== undefined && !entries.includes('controller')) {
    throw new CoveyError(
      'DATA_FOREIGN',
      `${data} holds other things (${foreign}); it is not a data folder of Covey`,
    );
  }
}

/** Resolves at the first Ctrl-C or SIGTERM. The second ends the services by force. */
function interruption(services: RunningService[]): Promise<undefined> {
  return new Promise((resolve) => {
    let count = 0;
    const onSignal = () => {
      count++;
      if (count === 1) return resolve(undefined);
      for (const service of services) service.kill();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

async function runFleet(
  fleet: Fleet,
  options: UpOptions,
  view: View,
  interrupted: Promise<undefined>,
  startedMs: number,
): Promise<boolean> {
  const feeders = fleet.devices.map((device) =>
    startFeeder({ deviceIndex: device.index, url: () => device.inferenceUrl, intervalMs: feedIntervalMs }),
  );
  const scene: Scene = { devices: [], rollout: undefined, url: fleet.url };
  const stopShowing = keepShowing(fleet, feeders, scene, view, startedMs);
  try {
    const follow = (rollout: RolloutView) => {
      scene.rollout = rollout;
    };
    const story = tellStory(fleet, feeders, { follow, data: options.data }, view);
    const isAsExpected = await Promise.race([story, interrupted]);
    if (isAsExpected === undefined || options.once) return isAsExpected ?? true;
    await interrupted;
    return true;
  } finally {
    stopShowing();
    for (const feeder of feeders) feeder.stop();
  }
}

async function tellStory(
  fleet: Fleet,
  feeders: Feeder[],
  { follow, data }: { follow: (rollout: RolloutView) => void; data: string },
  view: View,
): Promise<boolean> {
  const ending = await playStory(fleet.client, fleet.publisher, { tell: view.tell, follow });
  const { isAsExpected: wentWell, wasPlayedBefore } = ending;
  if (wasPlayedBefore)
    view.tell(
      { event: 'played-before', versions: chapters.map(({ version }) => version) },
      `\nThe story of ${chapters[0]?.version} to ${chapters.at(-1)?.version} was played at an earlier start; all is as it was left. To see it again: ` +
        `\`npm start -- --data ${data}-again\`, or stop this, remove ${data}, and start anew.`,
    );
  const showed = wentWell && (await showShift(fleet, feeders, view));
  const errors = feeders.reduce((sum, feeder) => sum + feeder.figures(performance.now()).errors, 0);
  const answers = feeders.reduce((sum, feeder) => sum + feeder.figures(performance.now()).answers, 0);
  const isAsExpected = wentWell && showed && errors === 0;
  view.tell(
    { event: 'story', chapters: chapters.length, expected: isAsExpected, answers, errors },
    isAsExpected
      ? `\nThe story has ended as it should: ${answers} inferences were answered meanwhile, ${errors} failed.`
      : `\nThe story did not go as it should; ${errors} of ${answers + errors} inferences failed. The logs are in the data folder.`,
  );
  return isAsExpected;
}
