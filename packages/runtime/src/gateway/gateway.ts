import type { Clock, Disk, Log } from '@covey/ports';
import { CoveyError, type InferenceAccess, type InferenceCaller, localCaller } from '@covey/protocol';
import { matching, tokenDigest } from './bearer.ts';
import { type Caller, type CallerState, type Callers, KnownCaller, newState } from './caller.ts';
import { type Certificate, openCertificate } from './certificate.ts';
import { watchFiles } from './files.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { readTokens } from './tokens.ts';
import { openUsage, type Usage } from './usage.ts';

/** Who may call, how much, and by which certificate this device is known. */
export interface Gateway {
  /** Programs on this machine: no token, and the limits of the entry `local`, if there is one. */
  readonly local: Callers;
  /** Callers on other machines: known by their tokens. */
  readonly remote: Callers;
  /** Undefined where only this machine is served. */
  readonly certificate: Certificate | undefined;
  close(): Promise<void>;
}

interface Ports {
  clock: Clock;
  disk: Pick<Disk, 'read' | 'write'>;
  log: Log;
}

/** Errors: INVALID_ARGUMENT, PAYLOAD_TOO_LARGE, WIRE_MALFORMED, INVALID_DOCUMENT (tokens, certificate or key are not right). */
export async function openGateway(ports: Ports, access: InferenceAccess): Promise<Gateway> {
  const { clock, log } = ports;
  const { tokensPath, usagePath, network } = access;
  const callers = await readTokens(tokensPath);
  const certificate = network && (await openCertificate(ports, network));
  const usage = await openUsage(ports, usagePath);
  const refusals = createRefusals(clock, log);
  const known = new KnownCallers({ clock, usage, refusals }, callers);
  const stop = await watchFiles(clock, [tokensPath], async () => {
    try {
      known.replace(await readTokens(tokensPath));
      log.write('info', 'the tokens file has been read again');
    } catch (error) {
      log.write('warn', 'the tokens file has changed and is not taken', {
        message: (error as Error).message,
      });
    }
  });
  return {
    local: { identify: () => known.local() },
    remote: { identify: (authorization, address) => known.remote(authorization, address) },
    certificate,
    close: async () => {
      stop();
      certificate?.close();
      refusals.close();
      await usage.close();
    },
  };
}

type Entry = InferenceCaller & { digest: Buffer };

class KnownCallers {
  readonly #parts: { clock: Clock; usage: Usage; refusals: Refusals };
  readonly #states = new Map<string, CallerState>();
  #entries: Entry[] = [];
  #local: InferenceCaller = { name: localCaller };

  constructor(parts: { clock: Clock; usage: Usage; refusals: Refusals }, callers: InferenceCaller[]) {
    this.#parts = parts;
    this.replace(callers);
  }

  replace(callers: InferenceCaller[]): void {
    this.#local = callers.find(({ name }) => name === localCaller) ?? { name: localCaller };
    this.#entries = callers.flatMap((caller) =>
      caller.sha256 === undefined ? [] : [{ ...caller, digest: Buffer.from(caller.sha256, 'hex') }],
    );
    const names = new Set([localCaller, ...callers.map(({ name }) => name)]);
    for (const name of this.#states.keys()) if (!names.has(name)) this.#states.delete(name);
  }

  local(): Caller {
    return this.#caller(localCaller, () => this.#valid(this.#local));
  }

  remote(authorization: unknown, address: string | undefined): Caller {
    const digest = tokenDigest(authorization);
    const find = () => this.#valid(digest && matching(this.#entries, digest));
    try {
      return this.#caller(find().name, find);
    } catch (error) {
      if (error instanceof CoveyError) this.#parts.refusals.note(address ?? '', error.code);
      throw error;
    }
  }

  #caller(name: string, current: () => InferenceCaller): Caller {
    const state = this.#states.get(name) ?? newState(name);
    this.#states.set(name, state);
    return new KnownCaller(name, { ...this.#parts, current, state });
  }

  /** Errors: UNAUTHENTICATED. One message for all: who guesses learns nothing. */
  #valid<T extends InferenceCaller>(caller: T | undefined): T {
    const { expiresAt } = caller ?? {};
    // Not the other way round: what is no time has passed.
    const isValid = expiresAt === undefined || this.#parts.clock.now() < Date.parse(expiresAt);
    if (caller && isValid) return caller;
    throw new CoveyError(
      'UNAUTHENTICATED',
      'a bearer token that is known here and has not expired is wanted',
    );
  }
}
