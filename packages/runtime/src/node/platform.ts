import { readFile, stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { CoveyError } from '@covey/protocol';
import type { Platform } from '../platform/index.ts';
import { startWorker } from './thread.ts';

/** Of the memory this process may use, what is to stay free. */
const leastFreeShare = 0.1;

/** This process. A cgroup's limit counts as all the memory there is. */
export const nodePlatform: Platform = {
  cores: availableParallelism(),
  memory: {
    availableBytes: () => process.availableMemory(),
    isShort: () => process.availableMemory() < totalBytes() * leastFreeShare,
  },
  files: {
    read: (path) => readFile(path).catch(notFound(path)),
    sizeBytes: (path) => stat(path).then(({ size }) => size, notFound(path)),
  },
  process: {
    id: process.pid,
    residentBytes: () => process.memoryUsage.rss(),
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    eventLoopActiveSeconds: () => performance.eventLoopUtilization().active / 1_000,
  },
  startThread: startWorker,
  sharedMs,
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** Of the high-resolution clock, which is the system's: every thread reads the same. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function totalBytes(): number {
  const most = process.constrainedMemory();
  return most > 0 ? Math.min(most, totalmem()) : totalmem();
}

function notFound(path: string): (cause: Error) => never {
  return (cause) => {
    throw new CoveyError('NOT_FOUND', `${path} cannot be read: ${cause.message}`, { cause });
  };
}
