import type { ProcessExit, Processes } from '../ports.ts';
import type { SimulatedWorld } from './world.ts';

/** What a simulated program may do to the process that started it. */
export interface ProgramSelf {
  send(message: unknown): void;
  exit(exit: ProcessExit): void;
  world: SimulatedWorld;
  /** False once it has ended: a program checks it in its own timers. */
  isAlive(): boolean;
}
/** Starts one process and returns what receives its messages. */
export type Program = (self: ProgramSelf) => { onMessage(message: unknown): void };

/** Processes by module URL. Messages take a virtual millisecond each way and keep their order. */
export function simulatedProcesses(world: SimulatedWorld, programs: Record<string, Program>): Processes {
  let pids = 1000;
  return {
    start: (spec) => {
      const program = programs[spec.module];
      let isAlive = true;
      const later = (deliver: () => void) => world.clock.setTimer(1, deliver);
      const exit = (how: ProcessExit) => {
        if (!isAlive) return;
        isAlive = false;
        later(() => spec.onExit(how));
      };
      const running = program?.({
        send: (message) => isAlive && later(() => spec.onMessage(structuredClone(message))),
        exit,
        world,
        isAlive: () => isAlive,
      });
      if (!running) {
        spec.onErrorLine(`no simulated program at ${spec.module}`);
        exit({ code: 1, signal: null });
      }
      return {
        pid: pids++,
        send: (message) => later(() => isAlive && running?.onMessage(structuredClone(message))),
        kill: (signal) => exit({ code: null, signal }),
      };
    },
  };
}
