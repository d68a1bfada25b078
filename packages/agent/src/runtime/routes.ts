import type { DeviceRoute, Route } from '@covey/protocol';
import type { ServingTarget, TargetModels } from './settings.ts';

type Held = Pick<TargetModels, 'models' | 'beside'> & Pick<ServingTarget, 'of'>;

/**
 * The routes of the device's settings, as far as the versions that are loaded go: a channel, a split or a shadow whose version is
 * not there is over. While a candidate proves itself all requests go to it.
 */
export function routesFor(routes: readonly DeviceRoute[], { models, beside, of }: Held): Route[] {
  return routes.flatMap(({ model, channels = {}, split, shadow, cascade }): Route[] => {
    const served = models.find(({ ref }) => ref.model === model);
    if (!served) return [];
    const holds = (version: string) =>
      [...models, ...beside].some(({ ref }) => ref.model === model && ref.version === version);
    const isSettled = of === 'committed';
    const held = Object.entries(channels).filter(([, version]) => holds(version));
    return [
      {
        ...{ model, version: served.ref.version, channels: Object.fromEntries(held) },
        ...(split && isSettled && split.every((arm) => holds(arm.version)) && { split }),
        ...(shadow && isSettled && holds(shadow.version) && { shadow }),
        ...(cascade && { cascade }),
      },
    ];
  });
}
