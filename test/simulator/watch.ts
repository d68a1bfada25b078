import { createHash } from 'node:crypto';
import type { Storage } from '@covey/controller';
import type { DownKind, UpKind } from '@covey/protocol';
import type { SimulatedDevice } from './device.ts';
import type { NetworkObserver } from './network.ts';
import { SequenceWatch } from './sequence-watch.ts';
import type { Transcript } from './transcript.ts';

/** An agent that has had so long, undisturbed, must have its committed release serving: restarts back off. */
const recoveryMs = 90_000;

/** What is remembered of a device to judge it by. */
interface Seen {
  sequences: SequenceWatch;
  /** Bundles it has committed. */
  committed: Set<string>;
  /** Bundles that its runtime has served. */
  served: Set<string>;
  generation: number;
  desiredGeneration: number;
}

/** The invariants. What breaks one is kept, with the time, until `check` throws it. */
export class Watch implements NetworkObserver {
  readonly #transcript: Transcript;
  readonly #seen = new Map<string, Seen>();
  readonly #violations: string[] = [];

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  violated(what: string): void {
    this.#violations.push(what);
    this.#transcript.note(`VIOLATION ${what}`);
  }

  noted(line: string): void {
    this.#transcript.note(line);
  }

  sent(device: string, kind: UpKind, payload: Uint8Array): void {
    this.#line(`${device} sends ${kind}`, payload);
    this.#follow(this.of(device).sequences.sent(kind, payload));
  }

  handled(device: string, kind: UpKind, payload: Uint8Array): void {
    this.#line(`${device} ${kind} stored`, payload);
    this.#follow(this.of(device).sequences.stored(kind, payload));
  }

  told(device: string, kind: DownKind, payload: Uint8Array): void {
    this.#line(`${device} is told ${kind}`, payload);
    if (kind === 'receipt') this.of(device).sequences.receipted(payload);
  }

  /** A runtime has changed over to these bundles. */
  served(device: string, bundles: string[]): void {
    this.#transcript.note(
      `${device} serves ${bundles.map((digest) => digest.slice(0, 12)).join() || 'nothing'}`,
    );
    const seen = this.of(device);
    for (const bundle of bundles) seen.served.add(bundle);
    if (bundles.length === 0 && seen.committed.size > 0)
      this.violated(`${device}: is told to serve nothing, and had committed a version`);
  }

  of(device: string): Seen {
    const known = this.#seen.get(device);
    if (known) return known;
    const sequences = new SequenceWatch((what) => this.violated(`${device}: ${what}`));
    const seen = { sequences, committed: new Set<string>(), served: new Set<string>() };
    const fresh = { ...seen, generation: 0, desiredGeneration: 0 };
    this.#seen.set(device, fresh);
    return fresh;
  }

  /** Looks at every device now. Errors: every invariant broken since the start. */
  async check(devices: readonly SimulatedDevice[], storage: Storage, nowMs: number): Promise<void> {
    const rows = await storage.db
      .selectFrom('devices')
      .select(['id', 'desired_generation', 'clone'])
      .execute();
    for (const { id, desired_generation, clone } of rows) {
      if (clone !== null) this.violated(`${id}: is taken for two machines: ${clone}`);
      const seen = this.of(id);
      if (desired_generation < seen.desiredGeneration)
        this.violated(`${id}: the desired generation goes back to ${desired_generation}`);
      seen.desiredGeneration = desired_generation;
    }
    for (const device of devices) this.#look(device, nowMs);
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  #look(device: SimulatedDevice, nowMs: number): void {
    const seen = this.of(device.id);
    const violated = (what: string) => this.violated(`${device.id}: ${what}`);
    const reported = device.status()?.reported;
    if (reported) {
      if (reported.generation < seen.generation)
        violated(`went back from generation ${seen.generation} to ${reported.generation}`);
      if (reported.generation > seen.desiredGeneration)
        violated(`works on generation ${reported.generation}, which nobody set`);
      seen.generation = Math.max(seen.generation, reported.generation);
      if (reported.state === 'committed' && reported.releaseId !== null)
        for (const { bundle } of reported.serving) seen.committed.add(bundle);
    }
    const isServing = device.runtime?.isAlive() ?? false;
    const bundles = isServing ? (device.runtime?.plan?.models ?? []).map(({ ref }) => ref.bundle) : [];
    if (seen.committed.size === 0) return;
    const hadTime = device.isOn && nowMs - device.disturbedAtMs >= recoveryMs;
    if (bundles.length === 0 && hadTime) violated('serves nothing, and had committed a version');
    const isTrying = ['activating', 'soaking', 'reverting'].includes(reported?.state ?? '');
    if (reported && !isTrying && bundles.some((bundle) => !seen.committed.has(bundle)))
      violated(`serves in ${reported.state} what it never committed`);
  }

  #line(what: string, payload: Uint8Array): void {
    const digest = createHash('sha256').update(payload).digest('hex').slice(0, 12);
    this.#transcript.note(`${what} ${digest}`);
  }

  #follow(work: Promise<void>): void {
    work.catch((error) => this.violated(`a message cannot be read: ${String(error)}`));
  }
}
