import type { Clock, Log } from '@covey/ports';
import { CoveyError, type ModelSchema, type ServingSettings, toCoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import { Autoscaler } from './autoscaler.ts';
import { answer, fail, join } from './dispatch.ts';
import { Joiner } from './join.ts';
import { BatchMemory } from './memory.ts';
import { Pool, type Slot, type StartRunner } from './pool.ts';
import type { Profile } from './profile.ts';
import { Profiles } from './profiles.ts';
import { cancelled, Request } from './request.ts';
import type { RunOptions, RunResult } from './run.ts';
import type { Lane, Pass, Turnstile } from './turnstile.ts';
import { WaitingRoom } from './waiting.ts';

export interface SchedulerOptions {
  clock: Clock;
  log: Log;
  schema: ModelSchema;
  settings: ServingSettings;
  /** Threads that compute one run. */
  threads: number;
  turnstile: Turnstile;
  /** Loads and warms one session. */
  start: StartRunner;
  /** Sessions are then as few as allowed. */
  isMemoryShort: () => boolean;
}

/** Requests to one model, from the call to the answer: queued, joined, run, taken apart. */
export interface Scheduler {
  /** Loads the first sessions. Requests may come before: they wait. Errors: those of loading. */
  open(): Promise<void>;
  /** Learns from `inputs`, which the model takes, how long runs take and whether joining pays. Errors: those of running. */
  learn(inputs: Tensors): Promise<void>;
  /**
   * Runs `inputs`, which fit the schema. A lone request begins at once, or after `batching.maxDelayMs` at most where the
   * settings have one. Errors: OVERLOADED, DEADLINE_EXCEEDED, CANCELLED, MODEL_UNAVAILABLE, RUNTIME_DIED, INPUT_INVALID,
   * INFERENCE_FAILED.
   */
  run(inputs: Tensors, options: RunOptions): Promise<RunResult>;
  readonly state: SchedulerState;
  /** One inference of each form that clients sent: what to warm another version of the model with. */
  readonly samples: Tensors[];
  /** Those who wait are told `error`. */
  refuseWaiting(error: CoveyError): void;
  /** Takes no more requests, lets those that wait and run finish, and releases everything. */
  close(): Promise<void>;
}

export interface SchedulerState {
  waiting: number;
  running: number;
  sessions: number;
}

const defaultQueueLength = 64;
/**
 * A second run is put behind the one under way, so that the thread need not wait for this one in between: a short one, and
 * a full batch, to which waiting adds nothing, unless it is long, when others should rather get ahead of it.
 */
const pipelinedMs = 1;
const pipelinedFullMs = 10;
const trialOptions: RunOptions = { priority: 1, deadlineMs: undefined, signal: undefined };

/** Errors: CONFLICT (the settings name more of a resource than the device has). */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new ModelScheduler(options);
}

class ModelScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #joiner: Joiner;
  readonly #memory = new BatchMemory();
  readonly #minSessions: number;
  readonly #waiting: WaitingRoom;
  readonly #profiles: Profiles;
  readonly #pool: Pool;
  readonly #lane: Lane;
  readonly #autoscaler: Autoscaler;
  #running = 0;
  #isClosing = false;
  #whenIdle: (() => void) | undefined;

  constructor({ clock, log, schema, settings, threads, turnstile, start, isMemoryShort }: SchedulerOptions) {
    this.#clock = clock;
    this.#joiner = new Joiner(schema);
    this.#waiting = new WaitingRoom({
      clock,
      maxLength: settings.maxQueueLength ?? defaultQueueLength,
      maxDelayMs: settings.batching?.maxDelayMs ?? 0,
      onAlarm: () => this.#pump(),
    });
    this.#profiles = new Profiles(this.#joiner, settings.batching ?? {}, (profile, inputs, rows) =>
      this.#runTrial(profile, inputs, rows),
    );
    this.#pool = new Pool({
      clock,
      log,
      start,
      onReady: () => this.#pump(),
      onUnavailable: (cause) => {
        const message = `the model cannot be loaded: ${cause.message}`;
        this.#waiting.refuseAll(new CoveyError('MODEL_UNAVAILABLE', message, { cause }));
        this.#noteIdle();
      },
    });
    this.#lane = turnstile.join({
      threads,
      resources: settings.resources ?? {},
      start: (pass) => this.#start(pass),
      expectedMs: () => this.#waiting.nextRunMs,
    });
    const { min = 1, max = 1 } = settings.instances ?? {};
    this.#minSessions = min;
    this.#autoscaler = new Autoscaler({
      clock,
      pool: this.#pool,
      min,
      max: Math.max(min, max),
      idleUnloadMs: settings.idleUnloadMs,
      isMemoryShort,
      look: () => this.#look(),
    });
  }

  async open(): Promise<void> {
    this.#autoscaler.start();
    await this.#pool.open();
    this.#pool.scaleTo(this.#minSessions);
    this.#autoscaler.used(this.#clock.monotonicMs());
  }

  async learn(inputs: Tensors): Promise<void> {
    await this.#profiles.learn(inputs);
    this.#autoscaler.used(this.#clock.monotonicMs());
  }

  get state(): SchedulerState {
    return { waiting: this.#waiting.length, running: this.#running, sessions: this.#pool.slots.size };
  }

  get samples(): Tensors[] {
    return this.#profiles.samples;
  }

  refuseWaiting(error: CoveyError): void {
    this.#waiting.refuseAll(error);
    this.#noteIdle();
  }

  run(inputs: Tensors, options: RunOptions): Promise<RunResult> {
    const enqueuedMs = this.#clock.monotonicMs();
    const form = this.#joiner.formOf(inputs);
    const profile = this.#profiles.of(form);
    const placed = { rows: form?.rows ?? 1, profile, runsAlone: form === undefined, enqueuedMs };
    const request = new Request(inputs, options, placed);
    const refusal = this.#isClosing ? closing() : this.#waiting.refusalOf(request, this.#pool.slots);
    if (refusal) {
      request.reject(refusal);
      return request.result;
    }
    profile.arrived(enqueuedMs);
    this.#waiting.add(request);
    this.#autoscaler.used(enqueuedMs);
    this.#pump();
    // What runs is not stopped, and most run at once.
    if (this.#waiting.has(request)) request.onCancel(() => this.#giveUp(request));
    return request.result;
  }

  #giveUp(request: Request): void {
    if (this.#waiting.remove(request)) request.reject(cancelled());
    this.#noteIdle();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#autoscaler.stop();
    this.#pump();
    if (!this.#isIdle()) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.#profiles.idle();
    this.#waiting.close();
    await this.#pool.close();
    this.#lane.leave();
  }

  /** Runs a trial among the requests, and alone; no queue is too long for it. */
  async #runTrial(
    profile: Profile,
    inputs: Tensors,
    rows: number,
  ): Promise<{ outputs: Tensors; inferMs: number }> {
    if (this.#isClosing) throw closing();
    const placed = { rows, profile, runsAlone: true, enqueuedMs: this.#clock.monotonicMs() };
    const request = new Request(inputs, trialOptions, placed);
    this.#waiting.add(request);
    this.#pump();
    const { outputs, timings } = await request.result;
    return { outputs, inferMs: timings.inferMs };
  }

  /** Asks for a turn when there is something to run and a thread to run it. */
  #pump(): void {
    this.#waiting.refuseLate();
    if (this.#waiting.length === 0) {
      this.#noteIdle();
      return;
    }
    if (this.#pool.free) this.#lane.ask();
    this.#pipeline();
  }

  /** Our turn. */
  #start(pass: Pass): boolean {
    this.#waiting.refuseLate();
    const slot = this.#pool.free;
    const members = slot && this.#select(pass.startedMs);
    if (!slot || !members) return false;
    slot.pass = pass;
    void this.#dispatch(slot, members, pass.startedMs);
    if (this.#waiting.length > 0 && this.#pool.free) this.#lane.ask();
    return true;
  }

  /** Short runs: the next is already behind the one that runs, unless another model waits for its turn. */
  #pipeline(): void {
    for (const slot of this.#pool.slots) {
      const isBusy = slot.inFlight === 1 && slot.pass !== undefined && !slot.isLeaving;
      if (!isBusy || this.#waiting.length === 0 || this.#lane.othersWait) continue;
      const { nextRunMs, isFull } = this.#waiting;
      if (nextRunMs > (isFull ? pipelinedFullMs : pipelinedMs)) return;
      const nowMs = this.#clock.monotonicMs();
      const members = this.#select(nowMs);
      if (members) void this.#dispatch(slot, members, nowMs);
    }
  }

  #select(nowMs: number): Request[] | undefined {
    return this.#isClosing ? this.#waiting.select(nowMs, 0) : this.#waiting.select(nowMs);
  }

  /** Runs requests of one form together and settles them; never fails. */
  async #dispatch(slot: Slot, members: Request[], pickedMs: number): Promise<void> {
    const batch = join(members, this.#joiner, this.#memory);
    slot.inFlight++;
    slot.expectedEndMs = Math.max(pickedMs, slot.expectedEndMs) + batch.first.profile.predictMs(batch.rows);
    this.#running += members.length;
    const sample = this.#profiles.sampleOf(batch.first, this.#waiting.first);
    this.#profiles.keepSample(batch.first);
    const handedMs = batch.buffer ? this.#clock.monotonicMs() : pickedMs;
    let endedMs: number;
    try {
      const ran = await slot.runner.run(batch.inputs);
      endedMs = this.#clock.monotonicMs();
      if (batch.buffer) this.#memory.giveBack(batch.buffer);
      answer(batch, ran, slot, { pickedMs, handedMs, endedMs });
    } catch (cause) {
      endedMs = this.#clock.monotonicMs();
      for (const request of fail(batch, toCoveyError(cause), this.#memory)) {
        request.runsAlone = true;
        this.#waiting.add(request);
        request.onCancel(() => this.#giveUp(request));
      }
    }
    this.#running -= members.length;
    this.#settle(slot, pickedMs, endedMs);
    if (sample) this.#profiles.try(batch.first.profile, sample);
    this.#pump();
  }

  #settle(slot: Slot, pickedMs: number, endedMs: number): void {
    this.#autoscaler.ran(endedMs - pickedMs);
    this.#pool.settled(slot);
    if (slot.inFlight > 0 || slot.pass === undefined) return;
    const { pass } = slot;
    slot.pass = undefined;
    const asks = this.#waiting.length > 0 && this.#pool.free !== undefined;
    this.#lane.done(pass, endedMs - pass.startedMs, asks);
  }

  #look(): { waitingMs: number; runMs: number } {
    const { first } = this.#waiting;
    const waitingMs = first === undefined ? 0 : this.#clock.monotonicMs() - first.enqueuedMs;
    return { waitingMs, runMs: this.#waiting.nextRunMs };
  }

  #isIdle(): boolean {
    return this.#waiting.length + this.#running === 0;
  }

  #noteIdle(): void {
    if (this.#isIdle()) this.#whenIdle?.();
  }
}

function closing(): CoveyError {
  return new CoveyError('MODEL_UNAVAILABLE', 'the model is being replaced; try again shortly');
}
