import { codecVersion, headerBytesOf, headerGuessBytes, openTransfer } from '@covey/bundle/transfer';
import type { Clock, Disk } from '@covey/ports';
import { type BundleFile, CoveyError, type ErrorCode } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';
import { Held, type Passage } from '../delivery/index.ts';
import { isCorrupt } from './receive.ts';
import type { Missing, Offer } from './route.ts';
import type { Source } from './source.ts';

/** Where a transfer is fetched, and what it is called on this device. */
export function transferPath(file: BundleFile, base: BundleFile | undefined): string {
  return `/transfers/${file.sha256}${base ? `?from=${base.sha256}` : ''}`;
}

export function transferName(file: BundleFile, base: BundleFile | undefined): string {
  return `${file.sha256}/${base?.sha256 ?? ''}`;
}

/** In `BundleStore.arrivalPath`: what is kept of a transfer belongs to one base and one version of the codec. */
export function arrivalName(base: BundleFile | undefined, part: string): string {
  return `${base?.sha256.slice(0, 16) ?? 'nothing'}-${codecVersion}.${part}`;
}

/** How often a transfer that is being made is asked for, with `longestWaitMs` between at the most. */
const mostAsks = 3;
const longestWaitMs = 30_000;
/** What all transfers of a bundle together are waited for. */
const patienceMs = 120_000;

/** Where offers come from. */
export interface OfferContext {
  disk: Disk;
  clock: Clock;
  store: BundleStore;
  source: Source;
  passage: Passage;
  signal: AbortSignal;
  /** On `clock`, monotonic: until when transfers that are being made are waited for. */
  waitUntilMs: number;
}

export function patienceFrom(clock: Clock): number {
  return clock.monotonicMs() + patienceMs;
}

/**
 * The transfers that the controller has for a file: the one from what lies here, or, where there is none, the one from
 * nothing. None that failed before, and none that is not made within moments: chunks are there at once. Errors: those of
 * `Source`, but NOT_FOUND, TRANSFER_REFUSED.
 */
export async function offersFor(context: OfferContext, missing: Missing): Promise<Offer[]> {
  const bases = missing.base ? [missing.base, undefined] : [undefined];
  for (const base of bases) {
    if (context.passage.hasFailed(transferName(missing.file, base))) continue;
    const offer = await offerFrom(context, missing.file, base);
    if (offer) return [offer];
  }
  return [];
}

/** The controller has no such transfer, or not for this device, or not now. */
export function isGone(error: unknown): boolean {
  return error instanceof CoveyError && (goneCodes.includes(error.code) || isPending(error));
}
const goneCodes: readonly ErrorCode[] = ['NOT_FOUND', 'FORBIDDEN', 'TRANSFER_REFUSED'];

/** It is being made, or the controller has too much to do. */
function isPending(error: unknown): error is Held {
  return error instanceof Held && (error.code === 'TRANSFER_PENDING' || error.code === 'OVERLOADED');
}

async function offerFrom(
  context: OfferContext,
  file: BundleFile,
  base: BundleFile | undefined,
): Promise<Offer | undefined> {
  const { disk, store, passage } = context;
  const path = store.arrivalPath(file, arrivalName(base, 'head'));
  const kept = await disk.read(path);
  try {
    const head = kept ?? (await patientHead(context, transferPath(file, base)));
    const transfer = openTransfer(head, file, base?.sizeBytes ?? 0);
    if (!kept) await disk.write(path, head);
    return { base, transfer, head };
  } catch (error) {
    if (isGone(error)) return undefined;
    if (!isCorrupt(error)) throw error;
    // What was kept may be of another time; what has just come is no good, and would be none the next time.
    if (kept) await disk.remove(path);
    else await passage.noteFailed(transferName(file, base));
    return undefined;
  }
}

/** Asks again for what is being made, a few times. Errors: as `fetchHead`. */
async function patientHead(context: OfferContext, resource: string): Promise<Uint8Array> {
  const { clock, source, signal, waitUntilMs } = context;
  for (let asked = 1; ; asked++) {
    try {
      return await fetchHead(source, resource);
    } catch (error) {
      const leftMs = waitUntilMs - clock.monotonicMs();
      if (!isPending(error) || asked >= mostAsks || leftMs <= 0) throw error;
      await wait(clock, Math.min(error.waitMs ?? longestWaitMs, longestWaitMs, leftMs), signal);
    }
  }
}

/** Errors: CANCELLED. */
function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = () => {
      timer.cancel();
      reject(new CoveyError('CANCELLED', 'the download was cancelled'));
    };
    const timer = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', cancel);
      resolve();
    });
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
  });
}

async function fetchHead(source: Source, resource: string): Promise<Uint8Array> {
  let head = new Uint8Array(0);
  const upTo = async (end: number) => {
    while (head.byteLength < end) {
      const before = head.byteLength;
      await source.stream(resource, { start: before, end }, async (part) => {
        head = Buffer.concat([head, part]);
      });
      if (head.byteLength === before) return;
      // The whole transfer may be shorter than the guess.
      if (end === headerGuessBytes && head.byteLength >= headerBytesOf(head)) return;
    }
  };
  await upTo(headerGuessBytes);
  await upTo(headerBytesOf(head));
  return head;
}
