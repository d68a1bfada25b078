import { createHash } from 'node:crypto';
import { parseDocument, parseJson, type Receipt, ReceiptSchema, type UpKind } from '@covey/protocol';
import { decodeTelemetry } from '@covey/protocol/telemetry';

interface Decoded {
  seq: number;
  dropped: { from: number; to: number } | undefined;
  /** Requests that a metrics message counts. */
  requests: number;
}

/** Follows one device's sequence numbers: none is used twice, none is receipted that was not stored, none is lost uncounted. */
export class SequenceWatch {
  readonly #violated: (what: string) => void;
  readonly #digests = new Map<number, string>();
  readonly #stored = new Set<number>();
  readonly #dropped: { from: number; to: number }[] = [];
  /** Everything up to here is stored or dropped. */
  #accountedUpTo = 0;
  #receiptedUpTo = 0;
  #lastSeq = 0;
  /** Requests in metrics that the controller has taken, each message once. */
  requests = 0;

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  /** Sequence numbers that the device says it threw away. */
  get droppedCount(): number {
    return this.#dropped.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  async sent(kind: UpKind, payload: Uint8Array): Promise<void> {
    const message = await decode(kind, payload);
    if (!message) return;
    const digest = createHash('sha256').update(payload).digest('hex');
    const before = this.#digests.get(message.seq);
    if (before !== undefined && before !== digest)
      this.#violated(`seq ${message.seq} was given to two messages`);
    this.#digests.set(message.seq, digest);
    this.#lastSeq = Math.max(this.#lastSeq, message.seq);
  }

  async stored(kind: UpKind, payload: Uint8Array): Promise<void> {
    const message = await decode(kind, payload);
    if (!message || this.#stored.has(message.seq)) return;
    this.#stored.add(message.seq);
    this.requests += message.requests;
    if (message.dropped) this.#dropped.push(message.dropped);
  }

  receipted(payload: Uint8Array): void {
    const { upTo, missing }: Receipt = parseDocument(ReceiptSchema, payload, 'receipt');
    if (upTo < this.#receiptedUpTo)
      this.#violated(`a receipt goes back from ${this.#receiptedUpTo} to ${upTo}`);
    this.#receiptedUpTo = Math.max(this.#receiptedUpTo, upTo);
    this.#account();
    const isMissing = new Set(missing);
    for (let seq = this.#accountedUpTo + 1; seq <= upTo; seq++)
      if (!isMissing.has(seq) && !this.#isAccounted(seq))
        this.#violated(`seq ${seq} is receipted and was never stored`);
  }

  /** Numbers of which the controller knows nothing, though there are later ones. */
  unaccounted(): number[] {
    const seqs = Array.from({ length: this.#lastSeq }, (_, index) => index + 1);
    return seqs.filter((seq) => !this.#isAccounted(seq));
  }

  #account(): void {
    while (this.#isAccounted(this.#accountedUpTo + 1)) this.#accountedUpTo++;
  }

  #isAccounted(seq: number): boolean {
    return this.#stored.has(seq) || this.#dropped.some(({ from, to }) => from <= seq && seq <= to);
  }
}

/** Undefined for messages without a sequence number. */
async function decode(kind: UpKind, payload: Uint8Array): Promise<Decoded | undefined> {
  if (kind === 'birth' || kind === 'death' || kind === 'get') return undefined;
  if (kind === 'reported') {
    const { seq } = parseJson(payload, kind) as { seq: number };
    return { seq, dropped: undefined, requests: 0 };
  }
  const { seq, body } = await decodeTelemetry(payload);
  const record = body.case === 'event' ? body.value.dropped : undefined;
  const models = body.case === 'metrics' ? body.value.models : [];
  return {
    seq: Number(seq),
    dropped: record && { from: Number(record.from), to: Number(record.to) },
    requests: models.reduce((sum, model) => sum + model.requests, 0),
  };
}
