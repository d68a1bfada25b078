import type { Clock, Fetch, Log, Timer } from '@covey/ports';
import { otlpDocument, type Resource, type Span } from './span.ts';

export interface ExporterOptions {
  clock: Clock;
  log: Log;
  fetch: Fetch;
  /** Base URL of an OTLP/HTTP collector: spans go to its /v1/traces. */
  url: string;
  resource: Resource;
}

export interface Exporter {
  /** Never waits; the oldest are dropped when too many wait. */
  add(spans: readonly Span[]): void;
  /** Since the beginning. */
  readonly figures: { exported: number; dropped: number };
  /** Sends what waits, in one attempt, and ends. */
  stop(): Promise<void>;
}

/** Spans that wait for the collector, at most. */
const waitingAtMost = 2_048;
const batchAtMost = 512;
const everyMs = 5_000;
const timeoutMs = 10_000;
const answerBytes = 64 * 1024;
/** OTLP/HTTP, "Retryable Response Codes". */
const retryable: readonly number[] = [429, 502, 503, 504];

export function createExporter(options: ExporterOptions): Exporter {
  return new BatchExporter(options);
}

class BatchExporter implements Exporter {
  readonly #options: ExporterOptions;
  readonly #url: string;
  readonly figures = { exported: 0, dropped: 0 };
  #waiting: Span[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #isAway = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#url = `${options.url.replace(/\/+$/, '')}/v1/traces`;
  }

  add(spans: readonly Span[]): void {
    this.#waiting.push(...spans);
    const excess = this.#waiting.length - waitingAtMost;
    if (excess > 0) {
      this.#waiting.splice(0, excess);
      this.figures.dropped += excess;
    }
    this.#schedule(this.#waiting.length >= batchAtMost && !this.#isAway ? 0 : everyMs);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#sending;
    while (this.#waiting.length > 0 && (await this.#send()));
    this.figures.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  /** One timer for all that wait; a full batch does not wait for it. */
  #schedule(delayMs: number): void {
    if (this.#sending || (this.#timer && delayMs > 0)) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#sending = this.#send().then(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0) this.#schedule(this.#isAway ? everyMs : 0);
      });
    });
  }

  /** False when the collector is away: the batch then waits for another attempt. */
  async #send(): Promise<boolean> {
    const batch = this.#waiting.splice(0, batchAtMost);
    const outcome = await this.#post(batch);
    if (outcome === 'again') {
      const room = Math.max(0, waitingAtMost - this.#waiting.length);
      // The newest of the batch, where newer ones have taken its room.
      const kept = room === 0 ? [] : batch.slice(-room);
      this.#waiting.unshift(...kept);
      this.figures.dropped += batch.length - kept.length;
      return false;
    }
    this.figures.exported += batch.length - outcome.rejected;
    this.figures.dropped += outcome.rejected;
    return true;
  }

  async #post(batch: readonly Span[]): Promise<'again' | { rejected: number }> {
    const { fetch, resource } = this.#options;
    const body = new TextEncoder().encode(JSON.stringify(otlpDocument(resource, batch)));
    const headers = { 'content-type': 'application/json' };
    const request = {
      method: 'POST',
      url: this.#url,
      headers,
      body,
      timeoutMs,
      maxBytes: answerBytes,
    } as const;
    try {
      const answer = await fetch(request);
      if (retryable.includes(answer.status)) return this.#away(`it answered ${answer.status}`);
      this.#isAway = false;
      if (answer.status === 200) return { rejected: rejectedSpans(answer.body) };
      this.#options.log.write('warn', `the trace collector refused spans with ${answer.status}`);
      return { rejected: batch.length };
    } catch (error) {
      return this.#away(error instanceof Error ? error.message : String(error));
    }
  }

  #away(why: string): 'again' {
    if (!this.#isAway) this.#options.log.write('warn', `the trace collector cannot be reached: ${why}`);
    this.#isAway = true;
    return 'again';
  }
}

/** ExportTraceServiceResponse.partial_success.rejected_spans: an int64, so a text or a number. */
function rejectedSpans(body: Uint8Array): number {
  try {
    const answer = JSON.parse(new TextDecoder().decode(body)) as {
      partialSuccess?: { rejectedSpans?: unknown };
    };
    const rejected = Number(answer.partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    // Accepted is accepted, whatever else was said.
    return 0;
  }
}
