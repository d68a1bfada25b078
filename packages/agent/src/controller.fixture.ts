import { createHash } from 'node:crypto';
import type { Birth, Desired, Reported } from '@covey/protocol';
import { decodeTelemetry } from '@covey/protocol/telemetry';

/** A controller as far as one device sees it: hands out the desired state and bundles, receipts what arrives. */
export class ControllerStub {
  desired: Desired | undefined;
  readonly births: Birth[] = [];
  readonly deaths: string[] = [];
  readonly reports: Reported[] = [];
  /** Payload digests by seq: a seq that comes with two different payloads was given twice. */
  readonly received = new Map<number, string>();
  readonly dropped: { from: number; to: number; count: number }[] = [];
  readonly events: { kind: string; message: string }[] = [];
  reusedSeq: number[] = [];
  /** Sessions that were asked for. */
  connections = 0;

  accept(seq: number, payload: Uint8Array): boolean {
    const digest = createHash('sha256').update(payload).digest('hex');
    const before = this.received.get(seq);
    if (before !== undefined && before !== digest) this.reusedSeq.push(seq);
    this.received.set(seq, digest);
    return before === undefined;
  }

  receipt(): { upTo: number; missing: number[] } {
    const upTo = Math.max(0, ...this.received.keys());
    const isAccounted = (seq: number) =>
      this.received.has(seq) || this.dropped.some(({ from, to }) => from <= seq && seq <= to);
    const missing: number[] = [];
    for (let seq = 1; seq <= upTo && missing.length < 1000; seq++) if (!isAccounted(seq)) missing.push(seq);
    return { upTo, missing };
  }

  /** Takes a message of a device and says what to send back. */
  async receive(kind: string, payload: Uint8Array): Promise<'desired' | 'receipt' | null> {
    const json = () => JSON.parse(Buffer.from(payload).toString());
    if (kind === 'birth') this.births.push(json());
    else if (kind === 'death') this.deaths.push(json().bootId);
    if (kind === 'birth' || kind === 'death') return null;
    if (kind === 'get') return this.desired ? 'desired' : null;
    if (kind === 'reported') {
      if (this.accept(json().seq, payload)) this.reports.push(json().reported);
    } else {
      await this.#receiveTelemetry(payload);
    }
    return 'receipt';
  }

  async #receiveTelemetry(payload: Uint8Array): Promise<void> {
    const message = await decodeTelemetry(payload);
    const isNew = this.accept(Number(message.seq), payload);
    const event = message.body.case === 'event' ? message.body.value : undefined;
    if (isNew && event) this.events.push({ kind: event.kind, message: event.message });
    const dropped = event?.dropped;
    if (isNew && dropped) {
      this.dropped.push({ from: Number(dropped.from), to: Number(dropped.to), count: dropped.count });
    }
  }
}
