import type {
  Child,
  Clock,
  Fetch,
  FetchRequest,
  Host,
  Link,
  LinkSession,
  Log,
  Ports,
  Processes,
} from '../ports.ts';
import { SimulatedDisk } from './disk.ts';
import type { SimulatedWorld } from './world.ts';

export interface MachineOptions {
  name: string;
  diskBytes: number;
  link: Link;
  fetch: Fetch;
  processes: Processes;
  log: Log;
}

/** A computer: one disk and clock that outlive boots, and the ports of the process that runs on it now. */
export interface SimulatedMachine {
  disk: SimulatedDisk;
  /** Ports for a fresh process; those given out before go dead. */
  boot(): Ports;
  /** Ends the process without a word; what it wrote stays readable, synced or not. */
  killProcess(): void;
  /** Ends the process and forgets what was not synced. */
  cutPower(): void;
  /** Moves the wall clock, not the monotonic one. */
  jumpClock(ms: number): void;
}

/** One life of a process. After `end` its calls never return and nothing calls it back. */
interface Life {
  isOver: boolean;
  sessions: Set<LinkSession>;
  children: Set<Child>;
}

/** A computer in `world`; link, fetch and processes are whatever the simulation plugs in. */
export function simulatedMachine(world: SimulatedWorld, options: MachineOptions): SimulatedMachine {
  const random = world.random(options.name);
  const disk = new SimulatedDisk(world.random(`${options.name}/disk`), options.diskBytes);
  let skewMs = 0;
  let life: Life | undefined;
  const killProcess = () => {
    if (!life || life.isOver) return;
    life.isOver = true;
    for (const session of life.sessions) void session.end({ graceful: false });
    for (const child of life.children) child.kill('SIGKILL');
  };
  const cutPower = () => {
    killProcess();
    disk.powerCut();
  };
  disk.onCut = cutPower;
  return {
    disk,
    killProcess,
    cutPower,
    jumpClock: (ms) => {
      skewMs += ms;
    },
    boot: () => {
      killProcess();
      const current: Life = { isOver: false, sessions: new Set(), children: new Set() };
      life = current;
      const guard = guardOf(world, current);
      return {
        clock: clockOf(world, current, () => skewMs),
        random,
        disk: disk.port(guard),
        link: linkOf(options.link, current, guard),
        fetch: (request) => guard(() => options.fetch(heardBy(current, request))),
        processes: processesOf(options.processes, current),
        host: simulatedHost,
        log: options.log,
      };
    },
  };
}

/** Nobody listens to what still comes when the process is dead. */
function heardBy(life: Life, request: FetchRequest): FetchRequest {
  const { onPart } = request;
  if (!onPart) return request;
  return {
    ...request,
    onPart: (part, head) => (life.isOver ? new Promise<never>(() => {}) : onPart(part, head)),
  };
}

type Guard = <T>(operation: () => T | Promise<T>) => Promise<T>;

function guardOf(world: SimulatedWorld, life: Life): Guard {
  return (operation) =>
    new Promise((resolve, reject) => {
      if (life.isOver) return;
      world.noteActivity();
      const settle = (act: () => void) => {
        if (!life.isOver) act();
      };
      Promise.resolve()
        .then(() => (life.isOver ? new Promise<never>(() => {}) : operation()))
        .then(
          (value) => settle(() => resolve(value)),
          (error) => settle(() => reject(error)),
        );
    });
}

function clockOf(world: SimulatedWorld, life: Life, skewMs: () => number): Clock {
  const bootedAtMs = world.clock.monotonicMs();
  return {
    now: () => world.clock.now() + skewMs(),
    monotonicMs: () => world.clock.monotonicMs() - bootedAtMs,
    setTimer: (delayMs, callback) => world.clock.setTimer(delayMs, () => !life.isOver && callback()),
  };
}

function linkOf(link: Link, life: Life, guard: Guard): Link {
  return {
    connect: async (options) => {
      const session = await guard(() =>
        link.connect({
          ...options,
          onMessage: (topic, payload) => !life.isOver && options.onMessage(topic, payload),
          onClose: (reason) => !life.isOver && options.onClose(reason),
        }),
      );
      life.sessions.add(session);
      return {
        subscribe: (topics) => guard(() => session.subscribe(topics)),
        publish: (topic, payload, qos) => guard(() => session.publish(topic, payload, qos)),
        end: (how) => {
          life.sessions.delete(session);
          return guard(() => session.end(how));
        },
      };
    },
  };
}

function processesOf(processes: Processes, life: Life): Processes {
  return {
    start: (spec) => {
      const child = processes.start({
        ...spec,
        onErrorLine: (line) => !life.isOver && spec.onErrorLine(line),
        onMessage: (message) => !life.isOver && spec.onMessage(message),
        onExit: (exit) => {
          life.children.delete(child);
          if (!life.isOver) spec.onExit(exit);
        },
      });
      life.children.add(child);
      return child;
    },
  };
}

const simulatedHost: Host = {
  describe: () => ({
    os: 'linux',
    arch: 'x64',
    cpu: 'simulated',
    cores: 2,
    memoryBytes: 2 ** 30,
    timeZone: 'UTC',
  }),
  usage: async () => ({ rssBytes: 50e6, childRssBytes: 100e6, cpu: 0.1 }),
  memory: async () => ({ residentBytes: 100e6, freeBytes: 1e9 }),
};
