import type { IncomingHttpHeaders } from 'node:http';
import type { CoveyError } from '@covey/protocol';
import type { Engine, InferenceReply, Servable } from '../engine/index.ts';
import type { Reach } from '../gateway/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { Answer } from './answer.ts';
import type { InferenceBody } from './body.ts';

/** A protocol spoken over HTTP: what answers which address, and what errors look like. */
export interface HttpProtocol {
  /**
   * How a request is answered; undefined when the address is none of this protocol's. `path` is the address without the
   * query, split at its slashes and decoded. Errors: METHOD_NOT_ALLOWED, UNSUPPORTED.
   */
  route(method: string, path: readonly string[]): Handling | undefined;
  /** Whether errors at this address look as this protocol has them, also where nothing is served. */
  owns(path: readonly string[]): boolean;
  errorAnswer(error: CoveyError): Answer;
}

export type Handling = QueryHandling | DocumentHandling | InferenceHandling;

/** Answered at once. */
export interface QueryHandling {
  kind: 'query';
  reach: Reach;
  answer(engine: Engine): Answer;
}

/** Takes a small JSON body, which may be empty. */
export interface DocumentHandling {
  kind: 'document';
  reach: Reach;
  answer(engine: Engine, json: Buffer): Promise<Answer>;
}

export interface InferenceHandling {
  kind: 'infer';
  model: string;
  /** SemVer, the version's number, or a channel; undefined leaves it to the model's route. */
  version: string | undefined;
  /** How many bytes of JSON come before raw tensors; undefined when the whole body is JSON. Errors: INPUT_INVALID, PAYLOAD_TOO_LARGE. */
  jsonBytes(headers: IncomingHttpHeaders): number | undefined;
  /** Reads a request for `servable`. Errors: INVALID_DOCUMENT, INPUT_INVALID, UNSUPPORTED. */
  read(body: InferenceBody, servable: Servable, headers: IncomingHttpHeaders): ReadRequest;
}

/** A request, read; and how its answer is written. */
export interface ReadRequest {
  inputs: Tensors;
  /** 1 is served first; 0 is the default. */
  priority: number;
  timeoutMs: number | undefined;
  /** Errors: INPUT_INVALID when an output cannot be written as asked. */
  answer(reply: InferenceReply): Answer;
}
