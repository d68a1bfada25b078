import type { Platform } from '../platform/index.ts';
import { readStored, storedBytes } from './stored.ts';
import { type Addresses, workerThreads } from './thread.ts';

const gibibyte = 1024 ** 3;
/** Of the device's memory, what models of a page may take: what is free, no browser tells. */
const memoryShare = 1 / 4;
/** What browsers that do not tell how much there is are taken for. */
const assumedGibibytes = 4;

/** A page, or a worker of its own that the page runs its program in. */
export function webPlatform(addresses: Addresses): Platform {
  const { deviceMemory = assumedGibibytes } = navigator as Navigator & { deviceMemory?: number };
  return {
    cores: navigator.hardwareConcurrency,
    memory: { availableBytes: () => deviceMemory * gibibyte * memoryShare, isShort: () => false },
    files: { read: readStored, sizeBytes: storedBytes },
    startThread: workerThreads(addresses),
    sharedMs,
    nextTurn,
  };
}

/** Page and workers began at different times, which are on one clock. */
export function sharedMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A message goes round the event loop; a timer would wait for 4 ms when they are many. */
function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
