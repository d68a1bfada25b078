import { constants, type ServerHttp2Stream } from 'node:http2';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { Caller } from '../gateway/index.ts';
import { type Frame, FrameReader, framePrefix } from './frames.ts';
import type { MessageMemory } from './memory.ts';
import type { CallMetadata } from './metadata.ts';
import { type Parts, sizeOf } from './parts.ts';
import { okTrailers, trailersOf } from './status.ts';

/** What a call brings, as it comes. */
export interface CallEvents {
  message(frame: Frame): void;
  /** The client sends no more. */
  end(): void;
}

/** Time for a client to hear that its call has failed. */
const lingerMs = 1_000;

const empty = new Uint8Array();
const responseHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,gzip',
};

/** One call over its HTTP/2 stream (github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
export class Call {
  readonly metadata: CallMetadata;
  readonly caller: Caller;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: FrameReader;
  readonly #stallMs: number;
  #trailers = okTrailers;
  #isOver = false;
  #aborted: AbortController | undefined;
  #arriving: NodeJS.Timeout | undefined;
  #onStop: () => void = () => {};

  /** `stallMs`: longest time a message may take to arrive, or an answer to move. */
  constructor(
    stream: ServerHttp2Stream,
    { metadata, caller }: { metadata: CallMetadata; caller: Caller },
    memory: MessageMemory,
    stallMs: number,
  ) {
    this.metadata = metadata;
    this.caller = caller;
    this.#stream = stream;
    this.#reader = new FrameReader(() => memory.lease());
    this.#stallMs = stallMs;
    stream.on('wantTrailers', () => {
      if (!isGone(stream)) stream.sendTrailers(this.#trailers);
    });
    stream.on('timeout', () => stream.close(constants.NGHTTP2_CANCEL));
    // Of a call that is paused and given up, the second comes late.
    for (const event of ['aborted', 'close']) stream.on(event, () => this.#closed());
  }

  /** Aborted when the client has gone before it was answered. */
  get signal(): AbortSignal {
    this.#aborted ??= new AbortController();
    return this.#aborted.signal;
  }

  /** Everything has been said, or nobody listens any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The whole call counts as one request of the caller. Errors: those of Caller.admit. */
  admit(): void {
    this.#stream.once('close', this.caller.admit());
  }

  /** `handler` is called when the server wants to end: what never ends by itself ends then. */
  onStop(handler: () => void): void {
    this.#onStop = handler;
  }

  stop(): void {
    this.#onStop();
  }

  read(events: CallEvents): void {
    this.#stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      try {
        for (const frame of this.#reader.read(chunk)) events.message(frame);
        this.#watchArrival();
      } catch (error) {
        this.fail(toCoveyError(error));
      }
    });
    this.#stream.on('end', () => {
      if (this.#isOver || isGone(this.#stream)) return;
      if (this.#reader.isWithin)
        this.fail(new CoveyError('WIRE_MALFORMED', 'the call ended within a message'));
      else events.end();
    });
  }

  /** No more of the client's messages for now; what has arrived already still comes. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Resolves when the client has taken the message, or has gone. */
  send(parts: Parts): Promise<void> {
    return this.#write(parts, false);
  }

  /** The answer to a call that has one. */
  sendLast(parts: Parts): Promise<void> {
    return this.#write(parts, true);
  }

  /** Ends the call in success. */
  finish(): void {
    if (this.#isOver || isGone(this.#stream)) return;
    this.#isOver = true;
    if (!this.#stream.headersSent) this.#stream.respond(responseHeaders, { waitForTrailers: true });
    this.#stream.end();
  }

  /** Ends the call with an error; what the client still sends is not read. */
  fail(error: CoveyError): void {
    const stream = this.#stream;
    if (this.#isOver || isGone(stream)) return;
    this.#isOver = true;
    stream.setTimeout(this.#stallMs);
    if (stream.headersSent) {
      this.#trailers = trailersOf(error);
      stream.end();
      leaveUnread(stream);
    } else {
      refuseCall(stream, error);
    }
  }

  #write(parts: Parts, last: boolean): Promise<void> {
    const stream = this.#stream;
    if (this.#isOver || isGone(stream)) return Promise.resolve();
    if (!stream.headersSent) stream.respond(responseHeaders, { waitForTrailers: true });
    stream.setTimeout(this.#stallMs);
    return new Promise((resolve) => {
      const taken = () => {
        if (!last && !isGone(stream)) stream.setTimeout(0);
        resolve();
      };
      stream.cork();
      for (const part of [framePrefix(sizeOf(parts)), ...parts.slice(0, -1)]) stream.write(part);
      stream.write(parts.at(-1) ?? empty, taken);
      if (last) {
        this.#isOver = true;
        stream.end();
      }
      stream.uncork();
    });
  }

  /** One timer for a message that takes more than one packet; most take one. */
  #watchArrival(): void {
    if (this.#reader.isWithin === (this.#arriving !== undefined)) return;
    clearTimeout(this.#arriving);
    this.#arriving = undefined;
    if (!this.#reader.isWithin) return;
    this.#arriving = setTimeout(() => {
      this.fail(new CoveyError('TIMEOUT', `a message took longer than ${this.#stallMs} ms to arrive`));
    }, this.#stallMs);
  }

  #closed(): void {
    clearTimeout(this.#arriving);
    this.#reader.close();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#aborted?.abort();
  }
}

/** Answers a call with an error and nothing else. */
export function refuseCall(stream: ServerHttp2Stream, error: CoveyError): void {
  if (isGone(stream)) return;
  stream.respond({ ...responseHeaders, ...trailersOf(error) }, { endStream: true });
  leaveUnread(stream);
}

/** The client has given the call up, or the connection is lost: node:http2 throws at what is said then. */
function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed || stream.aborted;
}

/**
 * Bytes that nobody reads would hold up the other calls of the connection. A client stops sending when it has the status; one
 * that does not is cut off. At once would be too early: what resets a stream overtakes what was written to it.
 */
function leaveUnread(stream: ServerHttp2Stream): void {
  stream.resume();
  if (stream.readableEnded) return;
  const patience = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs);
  stream.once('close', () => clearTimeout(patience));
}
