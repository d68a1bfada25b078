import type { Clock, Log, Timer } from '@covey/ports';

/** A piece of work that is due by time. It reads all it needs from storage and leaves a state from which the next run goes on. */
export interface Task {
  name: string;
  intervalMs: number;
  run: () => Promise<void>;
}

export interface Scheduler {
  start(): void;
  /** Something changed: the first task is run now, or again after the run under way. */
  wake(): void;
  /** Starts nothing more and waits for the run under way. */
  stop(): Promise<void>;
}

/**
 * Runs each task every `intervalMs`, one at a time each, and the first also when woken. A failed run is logged and tried
 * again when it is next due: nothing is lost, since tasks keep nothing in memory.
 */
export function createScheduler({
  clock,
  log,
  tasks,
}: {
  clock: Clock;
  log: Log;
  tasks: readonly Task[];
}): Scheduler {
  const runners = tasks.map((task) => createRunner(task, clock, log));
  return {
    start: () => {
      for (const runner of runners) runner.start();
    },
    wake: () => runners[0]?.wake(),
    stop: async () => {
      await Promise.all(runners.map((runner) => runner.stop()));
    },
  };
}

function createRunner({ name, intervalMs, run }: Task, clock: Clock, log: Log): Scheduler {
  let state: 'stopped' | 'waiting' | 'running' | 'again' = 'stopped';
  let isStopping = false;
  let timer: Timer | undefined;
  let current: Promise<void> = Promise.resolve();
  const runNow = async () => {
    timer?.cancel();
    state = 'running';
    try {
      await run();
    } catch (error) {
      log.write('error', `${name} failed; it is tried again`, { error: String(error) });
    }
    if (isStopping) return;
    const delayMs = again() ? 0 : intervalMs;
    state = 'waiting';
    timer = clock.setTimer(delayMs, begin);
  };
  // A function, since the state may change while `run` is awaited.
  const again = () => state === 'again';
  const begin = () => {
    current = runNow();
  };
  return {
    start: () => {
      isStopping = false;
      if (state === 'stopped') begin();
    },
    wake: () => {
      if (state === 'waiting') begin();
      else if (state === 'running') state = 'again';
    },
    stop: async () => {
      isStopping = true;
      timer?.cancel();
      state = 'stopped';
      await current;
    },
  };
}
