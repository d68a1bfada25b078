import { streamLog, systemClock } from '@covey/ports';
import { type SimulatedWorld, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError, type ModelSchema, type ServingSettings, type Tensor } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { StartRunner } from './pool.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createTurnstile, type Turnstile } from './turnstile.ts';

const silentLog = streamLog({ write: () => true }, systemClock, 'error');

/** Rows of any width; `tag` has no batch dimension. The second output has its batch dimension second. */
const rowsSchema: ModelSchema = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, -1] },
    { name: 'tag', datatype: 'INT8', shape: [1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, -1] },
    { name: 'z', datatype: 'FP32', shape: [2, -1] },
  ],
};

/** Inference `id`, told apart by every element. */
export function rowsOf(ids: readonly number[], width = 2, tag = 0): Tensors {
  const elements = Float32Array.from({ length: ids.length * width }, (_, at) => {
    const id = ids[Math.floor(at / width)] ?? 0;
    return id * 10 + (at % width);
  });
  const x: Tensor = { datatype: 'FP32', shape: [ids.length, width], data: new Uint8Array(elements.buffer) };
  return { x, tag: { datatype: 'INT8', shape: [1], data: Uint8Array.of(tag) } };
}

const floats = ({ data }: Tensor) => new Float32Array(data.slice().buffer);
const tensor = (shape: number[], values: ArrayLike<number>): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** y = 2x + tag, z = the first element of each row, and its negative. */
export function answerOf({ x, tag }: Tensors): Tensors {
  if (!x || !tag) throw new Error('inputs are missing');
  const [rows = 0, width = 0] = x.shape;
  const values = floats(x);
  const firsts = Array.from({ length: rows }, (_, row) => values[row * width] ?? Number.NaN);
  const z = [...firsts, ...firsts.map((value) => -value)];
  return {
    y: tensor(
      x.shape,
      values.map((value) => 2 * value + (tag.data[0] ?? 0)),
    ),
    z: tensor([2, rows], z),
  };
}

/** Makes the model refuse whatever runs with it. */
export const poison = 9_999;

export interface FakeModelOptions {
  rowMs?: number;
  fixedMs?: number;
  loadMs?: number;
  /** Rows touch each other: the answer depends on what runs together. */
  mixesRows?: boolean;
  /** Called at the begin and end of every run. */
  onRun?: (change: 1 | -1) => void;
  /** Whether the thread dies of the run that is the last of `runs`. */
  diesAt?: (seen: { runs: number[]; loads: number }) => boolean;
}

/** A model in virtual time that takes rowMs * rows + fixedMs, one run after the other per session. */
export function fakeModel(world: SimulatedWorld, options: FakeModelOptions = {}) {
  const { rowMs = 1, fixedMs = 4, loadMs = 20, mixesRows = false, onRun, diesAt } = options;
  const { clock } = world;
  const seen = { runs: [] as number[], sessions: 0, mostSessions: 0, loads: 0, failLoads: false };
  const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  const start: StartRunner = async (onEnd) => {
    await wait(loadMs);
    seen.loads++;
    if (seen.failLoads) throw new CoveyError('MODEL_INVALID', 'the file is gone');
    seen.sessions++;
    seen.mostSessions = Math.max(seen.mostSessions, seen.sessions);
    let last = Promise.resolve();
    let dead: CoveyError | undefined;
    const run = async (inputs: Tensors) => {
      if (dead) throw dead;
      const rows = inputs.x?.shape[0] ?? 0;
      const startedMs = clock.monotonicMs();
      seen.runs.push(rows);
      onRun?.(1);
      const isLast = diesAt?.(seen) === true;
      await wait(rowMs * rows + fixedMs);
      onRun?.(-1);
      if (isLast) {
        dead = new CoveyError('RUNTIME_DIED', 'the thread ended');
        seen.sessions--;
        onEnd(dead);
        throw dead;
      }
      if (inputs.x && floats(inputs.x).includes(poison)) throw new CoveyError('INFERENCE_FAILED', 'poison');
      const outputs = answerOf(inputs);
      if (mixesRows && outputs.y)
        outputs.y = tensor(
          outputs.y.shape,
          floats(outputs.y).map((v) => v * rows),
        );
      return { outputs, startedMs, runMs: clock.monotonicMs() - startedMs };
    };
    return {
      run: (inputs) => {
        const done = last.then(() => run(inputs));
        last = done.then(
          () => {},
          () => {},
        );
        return done;
      },
      close: async () => {
        await last;
        seen.sessions--;
      },
    };
  };
  return { start, seen };
}

export function schedulerOf(
  world: SimulatedWorld,
  start: StartRunner,
  settings: ServingSettings = {},
  turnstile: Turnstile = createTurnstile({ clock: world.clock, cores: 2 }),
  isMemoryShort = () => false,
): Scheduler {
  const { clock } = world;
  return createScheduler({
    clock,
    log: silentLog,
    schema: rowsSchema,
    settings,
    threads: 1,
    turnstile,
    start,
    isMemoryShort,
  });
}

export const plain = { priority: 0, deadlineMs: undefined, signal: undefined };

/** A promise's fate, to be looked at without waiting for it. */
export function watched<T>(promise: Promise<T>): { value?: T; error?: CoveyError; settled: number } {
  const fate: { value?: T; error?: CoveyError; settled: number } = { settled: 0 };
  promise.then(
    (value) => {
      fate.value = value;
      fate.settled++;
    },
    (error: CoveyError) => {
      fate.error = error;
      fate.settled++;
    },
  );
  return fate;
}

/** A scheduler that is loaded and has learnt, and what its model saw since. */
export async function learnt(model: FakeModelOptions = {}, settings: ServingSettings = {}) {
  const world = simulatedWorld(1);
  const fake = fakeModel(world, model);
  const scheduler = schedulerOf(world, fake.start, settings);
  const opened = watched(scheduler.open().then(() => scheduler.learn(rowsOf([1]))));
  await world.runUntil(() => opened.settled === 1, 10_000);
  if (opened.error) throw opened.error;
  fake.seen.runs.length = 0;
  return { world, scheduler, ...fake };
}
