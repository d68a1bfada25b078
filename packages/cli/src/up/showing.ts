import { CoveyError } from '@covey/protocol';
import { allDevices } from '../commands/device.ts';
import type { Feeder } from './feeder.ts';
import type { Fleet } from './fleet.ts';
import type { Scene, View } from './view.ts';

const showIntervalMs = 500;
/** A controller that has not answered for this long is away. */
const awayAfterMs = 3_000;

/** Repaints until it is stopped. The figures come from the feeders, the rest from the controller when it answers. */
export function keepShowing(
  fleet: Fleet,
  feeders: Feeder[],
  scene: Scene,
  view: View,
  startedMs: number,
): () => void {
  const controller = watchController(fleet);
  let hasServed = false;
  const show = () => {
    const nowMs = performance.now();
    controller.look();
    scene.devices = fleet.devices.map(({ id }, index) => {
      const feeder = feeders[index];
      if (!feeder) throw new CoveyError('INTERNAL', `no feeder for ${id}`);
      return { device: id, ...controller.stateOf(id, nowMs), ...feeder.figures(nowMs) };
    });
    if (!hasServed && scene.devices.some((device) => device.answers > 0)) {
      hasServed = true;
      const afterMs = Math.round(nowMs - startedMs);
      view.tell(
        { event: 'first-inference', afterMs },
        `  first inference ${(afterMs / 1_000).toFixed(1)} s after the start`,
      );
    }
    view.show(scene);
  };
  const timer = setInterval(show, showIntervalMs);
  return () => clearInterval(timer);
}

interface ControllerWatch {
  /** Asks again, unless the last question is still open. */
  look(): void;
  stateOf(device: string, nowMs: number): { link: string; state: string };
}

/** What the controller knows of the devices. While it is away nothing is known of their links, and they serve on. */
function watchController(fleet: Fleet): ControllerWatch {
  const known = new Map<string, { link: string; state: string }>();
  let answeredMs = performance.now();
  let isAsking = false;
  const ask = async () => {
    for (const device of await allDevices(fleet.client, 'all')) {
      known.set(device.id, {
        link: device.online ? 'online' : 'offline',
        state: device.reported?.state ?? 'enrolled',
      });
    }
    answeredMs = performance.now();
  };
  return {
    look: () => {
      if (isAsking) return;
      isAsking = true;
      // A failure shows as an answer that does not come.
      ask()
        .catch(() => {})
        .finally(() => {
          isAsking = false;
        });
    },
    stateOf: (device, nowMs) => {
      const state = known.get(device) ?? { link: 'offline', state: 'starting' };
      return nowMs - answeredMs > awayAfterMs ? { ...state, link: 'controller away' } : state;
    },
  };
}
