import type { Clock, Ports, Timer } from '@covey/ports';
import { toCoveyError } from '@covey/protocol';
import type { Ledger } from '../ledger/index.ts';
import { type Observed, plan, type Step } from '../plan/index.ts';
import { execute, type StepContext } from '../steps/index.ts';
import { advance, type Update, type UpdateEvent, wakeAt } from '../update/index.ts';

/** Drives the update machine: event, next state, state on the disk, and only then the steps that depend on it. */
export interface Updater {
  readonly update: Update;
  start(): void;
  /** Ends the work under way; after it nothing is done any more. */
  stop(): void;
  dispatch(event: UpdateEvent): void;
}

/** `now`: ledger time. */
type UpdaterPorts = Pick<Ports, 'clock' | 'log' | 'random'> & { now: () => number };

const saveRetryMs = 5_000;
const mostOffMs = 3_600_000;

/**
 * Ledger time from this start of the agent on, to be made once in a start. It never goes back, and follows the monotonic clock.
 * Of the time in which the agent did not run an hour counts at the most: nothing shall end only because a device was off, or
 * its clock stood years ahead.
 */
export function ledgerTime(clock: Clock, { at }: Ledger): () => number {
  const wall = clock.now();
  const atStart = at === 0 ? wall : at + Math.min(Math.max(0, wall - at), mostOffMs);
  const offsetMs = atStart - clock.monotonicMs();
  return () => Math.floor(offsetMs + clock.monotonicMs());
}

/**
 * Tells the machine that the agent started, before anything else of it does: a candidate that takes the agent down is taken
 * back by this alone. Errors: DISK_FULL, DISK_FAILED; then the machine goes on as if it had not started anew.
 */
export async function recordStart(
  ledger: Ledger,
  now: number,
  start: { starts: number; inRow: number },
): Promise<void> {
  const next = advance(ledger.update, { kind: 'started', ...start }, now);
  if (next !== ledger.update) await ledger.save(next, now);
}

export function createUpdater(
  ports: UpdaterPorts,
  ledger: Ledger,
  context: Omit<StepContext, 'update' | 'now' | 'cancelWork'>,
  onChange: () => void,
): Updater {
  return new LedgerUpdater(ports, ledger, context, onChange);
}

class LedgerUpdater implements Updater {
  readonly #ports: UpdaterPorts;
  readonly #ledger: Ledger;
  readonly #context: StepContext;
  readonly #onChange: () => void;
  readonly #queue: UpdateEvent[] = [];
  #update: Update;
  #isRunning = false;
  #isStopped = true;
  #wake: Timer | null = null;
  #work: { key: string; isRunning: boolean; abort: AbortController } | null = null;
  #serving: string | null = null;

  constructor(
    ports: UpdaterPorts,
    ledger: Ledger,
    context: Omit<StepContext, 'update' | 'now' | 'cancelWork'>,
    onChange: () => void,
  ) {
    this.#ports = ports;
    this.#ledger = ledger;
    this.#context = {
      ...context,
      update: () => this.#update,
      now: ports.now,
      cancelWork: () => this.#work?.abort.abort(),
    };
    this.#onChange = onChange;
    this.#update = ledger.update;
  }

  get update(): Update {
    return this.#update;
  }

  start(): void {
    this.#isStopped = false;
    this.#act();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.cancel();
    this.#work?.abort.abort();
  }

  dispatch(event: UpdateEvent): void {
    this.#queue.push(event);
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let event = this.#queue[0]; event && !this.#isStopped; event = this.#queue[0]) {
      const now = this.#ports.now();
      const next = advance(this.#update, event, now);
      if (next !== this.#update && !(await this.#persist(next, event, now))) break;
      this.#queue.shift();
      this.#update = next;
      this.#act();
    }
    this.#isRunning = false;
  }

  /** False when the disk refuses: then nothing happened, and the same event is tried again. */
  async #persist(next: Update, event: UpdateEvent, now: number): Promise<boolean> {
    // Evidence that settles nothing changes no effect; writing it every second would wear the medium.
    if (event.kind === 'evidence' && next.state === this.#update.state) return true;
    try {
      await this.#ledger.save(next, now);
      if (next.state !== this.#update.state) {
        const models = next.desired?.release.models.map(({ model, version }) => `${model}@${version}`);
        this.#ports.log.write('info', `update ${next.state}`, {
          release: models,
          ...(next.reason && { reason: next.reason }),
        });
      }
      return true;
    } catch (error) {
      const { code, message } = toCoveyError(error);
      this.#ports.log.write('error', `ledger: ${message}`, { code });
      this.#wake?.cancel();
      this.#wake = this.#ports.clock.setTimer(saveRetryMs, () => void this.#run());
      return false;
    }
  }

  #act(): void {
    this.#onChange();
    for (const step of plan(this.#update, this.#observed(), this.#context.routes)) this.#start(step);
    this.#sleep();
  }

  #observed(): Observed {
    const { store, software } = this.#context;
    return { serving: this.#serving, work: this.#work, bundles: store.present, software };
  }

  #sleep(): void {
    this.#wake?.cancel();
    const at = wakeAt(this.#update);
    this.#wake =
      at === null
        ? null
        : this.#ports.clock.setTimer(Math.max(0, at - this.#ports.now()), () =>
            this.dispatch({ kind: 'tick' }),
          );
  }

  #start(step: Step): void {
    if (step.kind === 'serve') this.#serving = step.key;
    const abort = new AbortController();
    const work = { key: step.key, isRunning: true, abort };
    const isWork = step.kind !== 'serve' && step.kind !== 'cancel';
    if (isWork) this.#work = work;
    execute(step, this.#context, abort.signal)
      .catch((error) => this.#failed(step, error))
      .then((event) => {
        work.isRunning = false;
        if (event && !abort.signal.aborted) this.dispatch(event);
        // What was cancelled has made room for other work.
        else if (isWork && !this.#isStopped) this.#act();
      });
  }

  #failed(step: Step, error: unknown): UpdateEvent | null {
    const { code, message } = toCoveyError(error);
    this.#ports.log.write('warn', `${step.kind}: ${message}`, { code });
    if (!('generation' in step)) return null;
    const jitter = this.#ports.random.fraction();
    return { kind: 'failed', generation: step.generation, code, message, jitter, progressed: false };
  }
}
