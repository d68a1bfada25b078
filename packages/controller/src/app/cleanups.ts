import type { Clock, Log } from '@covey/ports';

/** No step of stopping may take longer. */
const stepTimeoutMs = 10_000;

/** What is to be undone, last first. Each step is bounded and its failure does not keep the others from running. */
export type AddCleanup = (name: string, undo: () => Promise<void>) => void;

export function createCleanups({ clock, log }: { clock: Clock; log: Log }) {
  const steps: { name: string; undo: () => Promise<void> }[] = [];
  const runStep = async ({ name, undo }: { name: string; undo: () => Promise<void> }) => {
    const { promise: late, resolve: giveUp } = Promise.withResolvers<'late'>();
    const timer = clock.setTimer(stepTimeoutMs, () => giveUp('late'));
    try {
      const outcome = await Promise.race([undo(), late]);
      if (outcome === 'late') log.write('error', `stopping: ${name} did not end within ${stepTimeoutMs} ms`);
    } catch (error) {
      log.write('error', `stopping: ${name} failed`, { error: String(error) });
    } finally {
      timer.cancel();
    }
  };
  return {
    add: (name: string, undo: () => Promise<void>): void => {
      steps.push({ name, undo });
    },
    /** Runs what has been added; running it again does nothing. */
    run: async (): Promise<void> => {
      for (let step = steps.pop(); step; step = steps.pop()) await runStep(step);
    },
  };
}
