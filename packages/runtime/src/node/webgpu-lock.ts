import { locks } from 'node:worker_threads';

const lockName = 'covey-webgpu';
const dayMs = 24 * 3_600_000;

/**
 * Does `work` while no other WebGPU work is done in this process, in whichever thread: all sessions of a process share one
 * device of Dawn, and two threads on it crash the process. A thread that ends gives its turn back.
 */
export async function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // A thread that only waits for a lock would otherwise end: it has nothing under way that Node counts.
  const staysAlive = setInterval(() => {}, dayMs);
  try {
    return await locks.request(lockName, work);
  } finally {
    clearInterval(staysAlive);
  }
}
