import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { Reach } from '../gateway/index.ts';
import type { Call } from './call.ts';
import { decompressed, type Frame } from './frames.ts';
import type { Lease } from './memory.ts';
import { type Parts, sizeOf } from './parts.ts';

/** How a method answers a call. */
export type Method = (call: Call) => void;

/** The answer to one message. */
export interface Reply {
  parts: Parts;
  /** Called when the answer is on its way: see InferenceReply.finish. */
  sent?: () => Promise<void> | undefined;
}

/** Answers one message; memory it needs besides is taken from `lease`. */
export type Answerer = (message: Uint8Array, call: Call, lease: Lease) => Reply | Promise<Reply>;

/** Messages without tensors. */
const queryBytes = 64 * 1024;
/** Messages of a stream that are read, computed and written at a time. */
const pendingPerStream = 32;

/** A method of one message and one answer. */
export function unary(answerer: Answerer): Method {
  return (call) => {
    call.admit();
    let asked = false;
    call.read({
      message: (frame) => {
        if (asked) call.fail(new CoveyError('WIRE_MALFORMED', 'the method takes one message'));
        else void answerOne(call, frame, answerer);
        asked = true;
      },
      end: () => {
        if (!asked)
          call.fail(new CoveyError('WIRE_MALFORMED', 'the method takes a message, the call has none'));
      },
    });
  };
}

async function answerOne(call: Call, frame: Frame, answerer: Answerer): Promise<void> {
  let isReusable = false;
  try {
    const reply = await replyTo(call, frame, answerer);
    await Promise.all([call.sendLast(reply.parts), reply.sent?.()]);
    isReusable = true;
  } catch (error) {
    call.fail(toCoveyError(error));
  } finally {
    frame.lease.release(isReusable);
  }
}

async function replyTo(call: Call, frame: Frame, answerer: Answerer): Promise<Reply> {
  const message = frame.compressed ? await decompressed(frame, call.metadata.encoding) : frame.bytes;
  const reply = await answerer(message, call, frame.lease);
  frame.lease.count(sizeOf(reply.parts));
  return reply;
}

/**
 * A method of many messages, each with an answer, in their order. An answerer that throws ends the call. Each message counts as
 * a request of the caller: that is the answerer's to do.
 */
export function bidirectional(answerer: Answerer): Method {
  return (call) => {
    const conversation = new Conversation(call, answerer);
    call.read({
      message: (frame) => conversation.ask(frame),
      end: () => conversation.end(() => call.finish()),
    });
    call.onStop(() => {
      call.pause();
      const stopped = new CoveyError('MODEL_UNAVAILABLE', 'the runtime is shutting down');
      conversation.end(() => call.fail(stopped));
    });
  };
}

class Conversation {
  readonly #call: Call;
  readonly #answerer: Answerer;
  readonly #waiting: Frame[] = [];
  #running = 0;
  #last = Promise.resolve();
  #end: (() => void) | undefined;

  constructor(call: Call, answerer: Answerer) {
    this.#call = call;
    this.#answerer = answerer;
  }

  ask(frame: Frame): void {
    this.#waiting.push(frame);
    this.#proceed();
  }

  /** `end` is called when all that was asked has been answered. */
  end(end: () => void): void {
    this.#end = end;
    this.#proceed();
  }

  /** Only so many compute at a time: a stream alone shall not fill a model's queue. */
  #proceed(): void {
    while (this.#running < pendingPerStream) {
      const frame = this.#waiting.shift();
      if (frame === undefined) break;
      this.#running++;
      this.#last = this.#answer(frame, this.#last);
    }
    if (this.#waiting.length > 0) this.#call.pause();
    else if (this.#end === undefined) this.#call.resume();
    if (this.#running === 0) this.#end?.();
  }

  async #answer(frame: Frame, before: Promise<void>): Promise<void> {
    const call = this.#call;
    let reply: Reply | undefined;
    try {
      // Nobody is there to hear of the others.
      if (!call.isOver) reply = (await Promise.all([replyTo(call, frame, this.#answerer), before]))[0];
      if (reply) await call.send(reply.parts);
    } catch (error) {
      call.fail(toCoveyError(error));
    }
    this.#running--;
    this.#proceed();
    void released(frame, reply);
  }
}

/** Measuring may keep the tensors until the next request: the next answer does not wait for that. */
async function released(frame: Frame, reply: Reply | undefined): Promise<void> {
  await reply?.sent?.();
  frame.lease.release(reply !== undefined);
}

/** A method of one small message and one answer, both of generated types. */
export function query<I extends DescMessage, O extends DescMessage>(
  input: I,
  output: O,
  reach: Reach | ((request: MessageShape<I>) => Reach),
  answer: (request: MessageShape<I>) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
): Method {
  return unary(async (message, call) => {
    const request = readQuery(input, message);
    call.caller.check(typeof reach === 'function' ? reach(request) : reach);
    const answered = await answer(request);
    return { parts: [toBinary(output, create(output, answered))] };
  });
}

/** The message that a document of the same protocol over HTTP is; what the message has no field for is left out. */
export function messageOf<O extends DescMessage>(output: O, document: unknown): MessageShape<O> {
  return fromJson(output, document as JsonValue, { ignoreUnknownFields: true });
}

/** Errors: PAYLOAD_TOO_LARGE, WIRE_MALFORMED. */
export function readQuery<I extends DescMessage>(input: I, message: Uint8Array): MessageShape<I> {
  if (message.byteLength > queryBytes) {
    const text = `the message has ${message.byteLength} bytes, the limit of this method is ${queryBytes}`;
    throw new CoveyError('PAYLOAD_TOO_LARGE', text);
  }
  try {
    // A copy: TextDecoder refuses shared memory.
    return fromBinary(input, message.slice());
  } catch (cause) {
    throw new CoveyError('WIRE_MALFORMED', `the message is no ${input.typeName}: ${String(cause)}`, {
      cause,
    });
  }
}
