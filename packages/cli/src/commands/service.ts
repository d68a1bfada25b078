import { toCoveyError } from '@covey/protocol';

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Runs something that has no end of its own until it is told to stop: SIGTERM, SIGINT, or, when started by `covey up`, the
 * loss of the IPC channel. `start` returns what there is to stop and what to tell the parent.
 */
export async function runService<Ready>(
  start: () => Promise<{ service: Stoppable; ready: Ready }>,
): Promise<void> {
  const isChild = process.send !== undefined;
  let stopRequested: (() => void) | undefined;
  const stopped = new Promise<void>((resolve) => {
    stopRequested = resolve;
  });
  const stop = () => stopRequested?.();
  process.once('SIGTERM', stop);
  // A terminal sends Ctrl-C to every process of the group; as a child, the parent decides.
  process.on('SIGINT', () => !isChild && stop());
  process.once('disconnect', stop);
  // Agents and controllers wait on sockets and unreferenced timers; this keeps the process up between them.
  const keepAlive = setInterval(() => {}, 60_000);
  try {
    const { service, ready } = await start();
    process.send?.({ type: 'ready', ready });
    await stopped;
    await service.stop();
  } catch (error) {
    process.send?.({ type: 'failed', error: toCoveyError(error).toJSON() });
    throw error;
  } finally {
    clearInterval(keepAlive);
    process.removeAllListeners('SIGINT');
    if (process.connected) process.disconnect?.();
  }
}
