import type { WaveSize } from '@covey/protocol/api';

/**
 * Divides `devices` into waves, in their order. A percentage is of all devices and rounds up, so that it is at least one
 * device; a wave takes no more than are left, waves for which none are left vanish, and the devices that the sizes leave
 * over are one last wave. No wave is empty.
 */
export function divideIntoWaves<T>(devices: readonly T[], sizes: readonly WaveSize[]): T[][] {
  const waves: T[][] = [];
  let taken = 0;
  for (const size of [...sizes, { count: devices.length }]) {
    const wanted = 'count' in size ? size.count : Math.ceil((devices.length * size.percent) / 100);
    const wave = devices.slice(taken, taken + wanted);
    taken += wave.length;
    if (wave.length > 0) waves.push(wave);
  }
  return waves;
}
