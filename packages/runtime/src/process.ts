import { streamLog, systemClock } from '@covey/ports';
import type { AgentToRuntime, RuntimeToAgent } from '@covey/protocol';
import { runRuntime } from './supervised.ts';

/** Everything has been closed by then: what still runs is a thread that will never end. */
const stuckAfterMs = 2_000;

/** Entry of the runtime process: messages from the agent in, messages to the agent out. */
runRuntime({
  clock: systemClock,
  log: streamLog(process.stderr, systemClock, 'info', 'runtime'),
  send: (message: RuntimeToAgent) =>
    new Promise((resolve) => {
      // An agent that is gone hears nothing; what it missed is measured again or lost with it.
      if (process.connected) process.send?.(message, undefined, {}, () => resolve());
      else resolve();
    }),
  onMessage: (handler: (message: AgentToRuntime) => void) => process.on('message', handler),
  onStop: (handler: () => void) => {
    process.on('disconnect', handler);
    process.on('SIGTERM', handler);
    // Ctrl-C reaches the whole group of a terminal; what it means is the agent's decision.
    process.on('SIGINT', () => {});
  },
  exit: (code: number) => {
    // Not process.exit: that waits without end for a thread that is stuck in native code, with no timer left to help.
    process.exitCode = code;
    if (process.connected) process.disconnect?.();
    systemClock.setTimer(stuckAfterMs, () => process.kill(process.pid, 'SIGKILL'));
  },
});
