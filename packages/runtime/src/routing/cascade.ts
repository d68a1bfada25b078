import type { Clock, Fetch, Log } from '@covey/ports';
import {
  type Cascade,
  CoveyError,
  type ErrorCode,
  limits,
  type ModelSchema,
  toCoveyError,
} from '@covey/protocol';
import type { Files } from '../platform/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { parseTraceparent, parseTracestate, type Trace, type TracedPart } from '../trace/index.ts';
import { createBreaker } from './breaker.ts';
import { createHourlyBudget, type HourlyBudget } from './budget.ts';
import { certaintyOf } from './certainty.ts';
import { askCloud, type CloudCall, type CloudRequest, cloudRequest } from './cloud.ts';

/** Who answered, for the client to see: parameters of the response. */
export type AnswerParameters = Record<string, string | number | boolean>;

export interface CascadeAnswer {
  outputs: Tensors;
  /**
   * `answered_by`: `device` or `cloud`; `certainty` of the device's answer; `cloud_version` that answered; `cloud`: why the
   * device's answer stands although it was not sure (`away`, `no time`, `call budget spent`, `byte budget spent`, `failed`).
   */
  parameters: AnswerParameters;
}

export interface CascadeOptions {
  clock: Clock;
  log: Log;
  fetch: Fetch;
  files: Files;
}

/** Whose request it is: its record here, or else what the caller said of its own. */
export interface Asker {
  trace: Trace | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
}

/** Asks a bigger model where the device is not sure. */
export interface CascadeRunner {
  /**
   * The answer for the client, the device's own where the cloud may not or cannot be asked. Rejects never. `schema` is what
   * clients see; `leftMs` is the time that the request still has; the cloud's spans hang below `asker`'s.
   */
  refine(
    inputs: Tensors,
    outputs: Tensors,
    schema: ModelSchema,
    leftMs: number,
    asker: Asker,
  ): Promise<CascadeAnswer>;
}

/** Longest token that is read. */
const tokenChars = 16_384;

export function createCascade(policy: Cascade, options: CascadeOptions): CascadeRunner {
  return new CloudCascade(policy, options);
}

class CloudCascade implements CascadeRunner {
  readonly #policy: Cascade;
  readonly #options: CascadeOptions;
  readonly #breaker = createBreaker();
  readonly #calls: HourlyBudget;
  readonly #bytes: HourlyBudget;

  constructor(policy: Cascade, options: CascadeOptions) {
    this.#policy = policy;
    this.#options = options;
    this.#calls = createHourlyBudget(policy.callsPerHour);
    this.#bytes = createHourlyBudget(policy.bytesPerHour);
  }

  async refine(
    inputs: Tensors,
    outputs: Tensors,
    schema: ModelSchema,
    leftMs: number,
    asker: Asker,
  ): Promise<CascadeAnswer> {
    const { output, scores, certainty: threshold, timeoutMs } = this.#policy;
    const certainty = Number(certaintyOf(outputs[output], scores).toFixed(4));
    const own = (cloud?: string): CascadeAnswer => ({
      outputs,
      parameters: { answered_by: 'device', certainty, ...(cloud !== undefined && { cloud }) },
    });
    if (certainty >= threshold) return own();
    const withinMs = Math.floor(Math.min(timeoutMs, leftMs));
    if (withinMs < 1) return own('no time');
    const request = cloudRequest(inputs);
    const mostBytes = mostAnswerBytes(outputs);
    const refusal = this.#refusal(request.sizeBytes + mostBytes);
    if (refusal !== undefined) return own(refusal);
    const trace = asker.trace?.within();
    const fromMs = performance.now();
    const end = (error?: ErrorCode) =>
      trace?.end({
        name: `cascade ${this.#policy.model}`,
        kind: 'client',
        fromMs,
        ...this.#traced(certainty),
        error,
      });
    try {
      const headers = trace?.headers ?? contextOf(asker);
      const answer = await this.#ask(request, { maxBytes: mostBytes, timeoutMs: withinMs, headers }, schema);
      end();
      this.#breaker.succeeded();
      const version = answer.version === undefined ? {} : { cloud_version: answer.version };
      return { outputs: answer.outputs, parameters: { answered_by: 'cloud', certainty, ...version } };
    } catch (error) {
      this.#breaker.failed(this.#options.clock.monotonicMs());
      const { code, message } = toCoveyError(error);
      end(code);
      this.#options.log.write('warn', `the cloud did not answer: ${message}`);
      return own(code === 'UNREACHABLE' || code === 'TIMEOUT' ? 'away' : 'failed');
    }
  }

  /** Why the cloud is not asked. What is undefined has to be asked: the breaker waits for how it ends. */
  #refusal(sizeBytes: number): string | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#calls.left(nowMs) < 1) return 'call budget spent';
    if (this.#bytes.left(nowMs) < sizeBytes) return 'byte budget spent';
    return this.#breaker.admits(nowMs) ? undefined : 'away';
  }

  #traced(certainty: number): Pick<TracedPart, 'toMs' | 'attributes'> {
    const attributes = { 'server.address': new URL(this.#policy.url).hostname, 'covey.certainty': certainty };
    return { toMs: performance.now(), attributes };
  }

  async #ask(request: CloudRequest, asking: Omit<CloudCall, 'token'>, schema: ModelSchema) {
    const { maxBytes } = asking;
    const nowMs = this.#options.clock.monotonicMs();
    this.#calls.spend(1, nowMs);
    // The answer's before they are known, so that calls at one time do not spend the same bytes.
    this.#bytes.spend(request.sizeBytes + maxBytes, nowMs);
    try {
      const { fetch, files } = this.#options;
      const token = await readToken(files, this.#policy.tokenPath);
      const answer = await askCloud(fetch, this.#policy, request, { ...asking, token }, schema);
      this.#bytes.spend(answer.sizeBytes - maxBytes, nowMs);
      return answer;
    } catch (error) {
      if (toCoveyError(error).code === 'UNREACHABLE') this.#bytes.spend(-maxBytes, nowMs);
      throw error;
    }
  }
}

/** What the caller said of its trace goes on as it came, where it is valid. */
function contextOf({ traceparent, tracestate }: Asker): Record<string, string> {
  if (traceparent === undefined || !parseTraceparent(traceparent)) return {};
  const state = parseTracestate(tracestate);
  return { traceparent, ...(state !== undefined && { tracestate: state }) };
}

/** The bigger model gives what this one gives: an answer beyond that is none. */
function mostAnswerBytes(outputs: Tensors): number {
  const sizeBytes = Object.values(outputs).reduce((sum, { data }) => sum + data.byteLength, 0);
  return Math.min(limits.inferenceBodyBytes, 4 * sizeBytes + 64 * 1024);
}

/** Read for every call: a token that was replaced is used at once. Errors: NOT_FOUND, INVALID_DOCUMENT. */
async function readToken(files: Files, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const bytes = await files.read(path).catch((cause) => {
    throw new CoveyError('NOT_FOUND', `the token for the cloud cannot be read from ${path}`, { cause });
  });
  const token = new TextDecoder().decode(bytes).trim();
  // What is no token would break the header apart.
  if (token.length > tokenChars || !/^[\x21-\x7e]+$/.test(token))
    throw new CoveyError('INVALID_DOCUMENT', `${path} holds no token`);
  return token;
}
