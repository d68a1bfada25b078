import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { CoveyError, limits } from '@covey/protocol';
import type { CancelSignal, Engine, InferenceReply, Selector, Servable } from '../engine/index.ts';
import type { Caller } from '../gateway/index.ts';
import { type Answer, sizeOf, write } from './answer.ts';
import type { BodyReader, InferenceBody } from './body.ts';
import { answerEncoding, compressed } from './compression.ts';
import type { InferenceHandling, ReadRequest } from './protocol.ts';

/** Bytes of answers that their clients have not taken yet. */
export interface AnswersHeld {
  bytes: number;
}

export interface AnswerOptions {
  /** Connections whose model computes: no byte is expected to move. Timers set anew for each request took 5 us. */
  computing: Set<Socket>;
  /** Milliseconds: see ConnectionLimits. */
  answerTimeout: number;
}

/** Beyond this, requests are refused until slow clients have read, or were given up. */
const answerBytesInFlight = 2 * limits.inferenceBodyBytes;
/** Longer keys are not worth their hashing. */
const keyChars = 256;

/** Answers inference requests, from the head of the request to the last byte of the answer on its way. */
export function createInferenceHandler(
  engine: Engine,
  bodies: BodyReader,
  held: AnswersHeld,
  { computing, answerTimeout }: AnswerOptions,
): (
  handling: InferenceHandling,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void> {
  return async (handling, caller, request, response) => {
    const { model, version } = handling;
    const selector: Selector = { model, version, key: routingKey(request) };
    // Before the body is read: what cannot be served shall not cost its memory.
    engine.route(selector);
    const jsonBytes = handling.jsonBytes(request.headers);
    if (held.bytes > answerBytesInFlight) {
      throw new CoveyError('OVERLOADED', 'too many answers wait for clients to read them; try again shortly');
    }
    await bodies.withBody(request, jsonBytes, caller.bodies, async (body) => {
      const receivedMs = performance.now();
      const { socket } = request;
      // Routed again, and used without a pause: the plan may have changed while the body arrived.
      const servable = engine.route(selector);
      const read = readRequest(engine, handling, body, servable, request);
      let reply: InferenceReply;
      let answer: Answer;
      computing.add(socket);
      try {
        reply = await engine.infer(servable, {
          inputs: read.inputs,
          priority: read.priority,
          timeoutMs: read.timeoutMs,
          caller: caller.name,
          traceparent: headerOf(request, 'traceparent'),
          tracestate: headerOf(request, 'tracestate'),
          signal: new ClientSignal(response),
          receivedMs,
        });
        answer = read.answer(reply);
        const encoding = answerEncoding(request);
        if (encoding !== undefined) answer = await compressed(answer, encoding);
      } finally {
        computing.delete(socket);
      }
      answer.headers['server-timing'] = serverTiming(reply.timings);
      write(response, answer);
      // What the system did not take at once is held until the client reads.
      if (socket.writableLength > 0) hold(held, sizeOf(answer), response, answerTimeout);
      await reply.finish();
    });
  };
}

/** Server Timing (w3.org/TR/server-timing): where the time went, milliseconds. */
function serverTiming({ queueMs, inputMs, inferMs, outputMs }: InferenceReply['timings']): string {
  const ms = (value: number) => value.toFixed(3);
  return `queue;dur=${ms(queueMs)}, input;dur=${ms(inputMs)}, infer;dur=${ms(inferMs)}, output;dur=${ms(outputMs)}`;
}

/** Counts an answer until it was taken; who takes too long loses the connection. */
function hold(held: AnswersHeld, sizeBytes: number, response: ServerResponse, timeoutMs: number): void {
  if (response.closed) return;
  held.bytes += sizeBytes;
  const late = setTimeout(() => response.destroy(), timeoutMs);
  response.once('close', () => {
    held.bytes -= sizeBytes;
    clearTimeout(late);
  });
}

function readRequest(
  engine: Engine,
  handling: InferenceHandling,
  body: InferenceBody,
  servable: Servable,
  request: IncomingMessage,
): ReadRequest {
  try {
    return handling.read(body, servable, request.headers);
  } catch (error) {
    engine.refused(servable);
    throw error;
  }
}

/** Aborted when the connection ends before the answer was written. An AbortController for each request took 7 us. */
class ClientSignal implements CancelSignal {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get aborted(): boolean {
    return this.#response.closed && !this.#response.writableFinished;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#response.on('close', listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#response.off('close', listener);
  }
}

/** Errors: INVALID_DOCUMENT. */
function routingKey(request: IncomingMessage): string | undefined {
  const key = headerOf(request, 'x-covey-routing-key');
  if (key !== undefined && key.length > keyChars) {
    throw new CoveyError(
      'INVALID_DOCUMENT',
      `x-covey-routing-key has ${key.length} characters, at most ${keyChars}`,
    );
  }
  return key;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
