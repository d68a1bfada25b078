import { CoveyError } from '@covey/protocol';

/** All that a search has found out so far: survives as JSON, and a search that is handed it goes on where it stopped. */
export interface SearchState {
  /** Of what was asked: the model, the samples and the schemes. Another budget asks other steps, and shares the rest. */
  fingerprint: string;
  /** What each step found, by what it did, in the order done. */
  steps: Record<string, unknown>;
}

/** What a search is doing: `step` is the one just done, for people to read. */
export interface SearchProgress {
  stage: 'calibrate' | 'trial' | 'sensitivity' | 'measure';
  step: string;
  /** Steps of the stage that are done; where `total` is known, those of the present part of it: each scheme ranks its groups. */
  done: number;
  total?: number;
}

export type OnStep = (state: SearchState, progress: SearchProgress) => void | Promise<void>;

/**
 * The steps of a search, each done once. The search is deterministic in what its steps find, so that running it again
 * over a stored state takes the same decisions and does only what is missing.
 */
export class Steps {
  readonly #state: SearchState;
  readonly #onStep: OnStep | undefined;
  readonly #done = new Map<string, number>();

  /** Errors: CONFLICT where `resume` is the state of another search. */
  constructor(fingerprint: string, resume: SearchState | undefined, onStep: OnStep | undefined) {
    if (resume !== undefined && resume.fingerprint !== fingerprint)
      throw new CoveyError(
        'CONFLICT',
        'the stored search is of another model, other samples or other schemes: start anew',
      );
    this.#state = { fingerprint, steps: { ...resume?.steps } };
    this.#onStep = onStep;
  }

  /**
   * What `compute` finds, or found when the step was done before; it must survive JSON as it is. `part`: where it stands in a
   * part of the stage with a known end, with itself done.
   */
  async once<Found>(
    stage: SearchProgress['stage'],
    step: string,
    compute: () => Promise<Found>,
    part?: { done: number; total: number },
  ): Promise<Found> {
    const key = `${stage}: ${step}`;
    const done = (this.#done.get(stage) ?? 0) + 1;
    this.#done.set(stage, done);
    if (Object.hasOwn(this.#state.steps, key)) return this.#state.steps[key] as Found;
    const found = await compute();
    this.#state.steps[key] = found;
    await this.#onStep?.(this.#state, { stage, step, done, ...part });
    return found;
  }
}

/** SHA-256 of parts in order, in hexadecimal. */
export async function fingerprintOf(parts: Iterable<Uint8Array>): Promise<string> {
  const digests: Uint8Array[] = [];
  for (const part of parts) digests.push(await digest(part));
  const all = new Uint8Array(digests.length * 32);
  for (const [index, bytes] of digests.entries()) all.set(bytes, index * 32);
  return (await digest(all)).toHex();
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  // WebCrypto takes no views of shared memory.
  const owned =
    bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', owned));
}
