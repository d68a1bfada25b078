import type { Clock } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { tensorsDigest } from './digest.ts';
import { areEqual, copyOf, sizeOf } from './tensors.ts';

/** Answers of one version in one variant, by its whole inputs. */
export interface ResponseCache {
  /**
   * The answer to equal inputs, remembered or under way: all of the outputs, in memory of the caller's own, with a batch size of
   * 0. Otherwise that of `run`. Errors: those of `run`, CANCELLED, DEADLINE_EXCEEDED.
   */
  answer<R extends RunResult>(
    inputs: Tensors,
    options: RunOptions,
    run: () => Promise<R>,
  ): Promise<R | RunResult>;
}

export interface CacheOptions {
  /** Of inputs and outputs together; the least recently used go first. */
  maxBytes: number;
  clock: Clock;
  /** A request has asked. */
  onAsked: (isHit: boolean) => void;
  /** Finds what may be equal; whether it is, is for the bytes to say. */
  digest?: (inputs: Tensors) => string;
}

interface Entry {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly sizeBytes: number;
}

/** A run under way that others wait for. */
interface Flight {
  readonly inputs: Tensors;
  readonly priority: number;
  /** Never rejects. */
  readonly landed: Promise<Entry | CoveyError>;
}

const entryBytes = 512;
/** Who waited with somebody who gave up, or had less time, asks for itself. */
const ownFaults = ['CANCELLED', 'DEADLINE_EXCEEDED'];

export function createResponseCache(options: CacheOptions): ResponseCache {
  return new BoundedCache({ digest: tensorsDigest, ...options });
}

class BoundedCache implements ResponseCache {
  readonly #options: Required<CacheOptions>;
  /** By digest, the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new Map<string, Flight>();
  #sizeBytes = 0;

  constructor(options: Required<CacheOptions>) {
    this.#options = options;
  }

  async answer<R extends RunResult>(
    inputs: Tensors,
    options: RunOptions,
    run: () => Promise<R>,
  ): Promise<R | RunResult> {
    const digest = this.#options.digest(inputs);
    const found = this.#entries.get(digest);
    if (found && areEqual(found.inputs, inputs)) {
      this.#entries.delete(digest);
      this.#entries.set(digest, found);
      return this.#hit(found);
    }
    const flight = this.#flights.get(digest);
    // One that is served sooner, or later, is not kept waiting with it.
    if (flight && flight.priority === options.priority && areEqual(flight.inputs, inputs)) {
      const landed = await waitFor(flight.landed, options, this.#options.clock);
      if (!(landed instanceof CoveyError)) return this.#hit(landed);
      if (!ownFaults.includes(landed.code)) throw landed;
    }
    this.#options.onAsked(false);
    return this.#lead(digest, inputs, options.priority, run);
  }

  #hit({ outputs }: Entry): RunResult {
    this.#options.onAsked(true);
    const timings = { queueMs: 0, inputMs: 0, inferMs: 0, outputMs: 0, batchSize: 0 };
    return { outputs: copyOf(outputs), timings };
  }

  async #lead<R extends RunResult>(
    digest: string,
    inputs: Tensors,
    priority: number,
    run: () => Promise<R>,
  ): Promise<R> {
    const { promise: landed, resolve } = Promise.withResolvers<Entry | CoveyError>();
    const flight: Flight = { inputs, priority, landed };
    // Of two with one digest the first is waited for.
    const isAlone = !this.#flights.has(digest);
    if (isAlone) this.#flights.set(digest, flight);
    try {
      const result = await run();
      const entry = entryOf(inputs, result.outputs);
      this.#keep(digest, entry);
      resolve(entry);
      return result;
    } catch (error) {
      resolve(toCoveyError(error));
      throw error;
    } finally {
      // Before the caller may use the inputs' memory for something else.
      if (isAlone) this.#flights.delete(digest);
    }
  }

  #keep(digest: string, entry: Entry): void {
    const { maxBytes } = this.#options;
    if (entry.sizeBytes > maxBytes) return;
    this.#remove(digest);
    this.#entries.set(digest, entry);
    this.#sizeBytes += entry.sizeBytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#sizeBytes <= maxBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(digest: string): void {
    this.#sizeBytes -= this.#entries.get(digest)?.sizeBytes ?? 0;
    this.#entries.delete(digest);
  }
}

function entryOf(inputs: Tensors, outputs: Tensors): Entry {
  const [ownInputs, ownOutputs] = [copyOf(inputs), copyOf(outputs)];
  const sizeBytes = entryBytes + sizeOf(ownInputs) + sizeOf(ownOutputs);
  return { inputs: ownInputs, outputs: ownOutputs, sizeBytes };
}

/** Errors: CANCELLED, DEADLINE_EXCEEDED (of who waits). */
function waitFor<T>(landed: Promise<T>, { signal, deadlineMs }: RunOptions, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => fail(new CoveyError('DEADLINE_EXCEEDED', 'the answer would come after its deadline'));
    const given = () => fail(new CoveyError('CANCELLED', 'the request was given up'));
    const timer = deadlineMs === undefined ? undefined : clock.setTimer(deadlineMs - performance.now(), late);
    const end = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', given);
    };
    const fail = (error: CoveyError) => {
      end();
      reject(error);
    };
    signal?.addEventListener('abort', given);
    if (signal?.aborted) given();
    void landed.then((result) => {
      end();
      resolve(result);
    });
  });
}
