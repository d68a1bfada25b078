import { type OpenParcel, openParcel, sha256 } from '@covey/bundle';
import type { Disk, Fetch, FetchAnswer, FetchRequest, Ports, Timer } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { isSettled, parcelPrefix, type Update } from '../update/index.ts';
import type { Updater } from '../updater/index.ts';
import { localOrder } from './order.ts';

const lookMs = 5_000;
const suffix = '.parcel';
const numberDigits = 8;
const partBytes = 64 * 1024;

/** The name of a parcel that is brought now, by the digest of its head: it comes after those that lie there. */
export function parcelName(others: readonly string[], headSha256: string): string {
  const numbers = others.map((name) => Number.parseInt(name.slice(0, numberDigits), 10) || 0);
  return `${String(Math.max(0, ...numbers) + 1).padStart(numberDigits, '0')}-${headSha256}${suffix}`;
}

/** Parcels that somebody has brought to the device: `covey bundle install` puts them into its inbox, one file each. */
export interface Inbox {
  /** Answers from the parcel whose order is under way, else as the network does. What comes either way is verified alike. */
  fetch: Fetch;
  /** Looks into the folder now, and every 5 s. */
  start(updater: Pick<Updater, 'update' | 'dispatch'>, event: (kind: string, message: string) => void): void;
  stop(): void;
}

export function createInbox(ports: Pick<Ports, 'clock' | 'disk' | 'fetch'>, folder: string): Inbox {
  return new FolderInbox(ports, folder);
}

interface Arrived {
  id: string;
  path: string;
  parcel: OpenParcel;
}

class FolderInbox implements Inbox {
  readonly #ports: Pick<Ports, 'clock' | 'disk' | 'fetch'>;
  readonly #folder: string;
  #updater: Pick<Updater, 'update' | 'dispatch'> | undefined;
  #timer: Timer | undefined;
  #arrived: Arrived | null = null;

  constructor(ports: Pick<Ports, 'clock' | 'disk' | 'fetch'>, folder: string) {
    this.#ports = ports;
    this.#folder = folder;
  }

  readonly fetch: Fetch = async (request) => {
    const id = this.#updater && orderUnderWay(this.#updater.update);
    const arrived = id?.startsWith(parcelPrefix) ? await this.#find() : null;
    const answer = arrived?.id === id && arrived && (await answerFrom(this.#ports.disk, arrived, request));
    return answer || this.#ports.fetch(request);
  };

  start(updater: Pick<Updater, 'update' | 'dispatch'>, event: (kind: string, message: string) => void): void {
    this.#updater = updater;
    const lookAndWait = () => {
      void this.#look(updater, event)
        .catch((error) => event('parcel-refused', toCoveyError(error).message))
        .finally(() => {
          if (this.#updater) this.#timer = this.#ports.clock.setTimer(lookMs, lookAndWait);
        });
    };
    lookAndWait();
  }

  stop(): void {
    this.#updater = undefined;
    this.#timer?.cancel();
  }

  /**
   * A parcel stays until its own order has come to an end; one that the controller's order interrupts has its turn after that,
   * and one that another replaces has had it.
   */
  async #look(
    updater: Pick<Updater, 'update' | 'dispatch'>,
    event: (kind: string, message: string) => void,
  ): Promise<void> {
    const underWay = orderUnderWay(updater.update);
    if (underWay && !underWay.startsWith(parcelPrefix)) return;
    const arrived = await this.#find();
    if (!arrived) return;
    const { id, path, parcel } = arrived;
    const { desired, waiting, state, reason } = updater.update;
    if (underWay === id || waiting?.setBy.id === id) return;
    const what = `${parcel.ref.model} ${parcel.ref.version}`;
    if (desired?.setBy.id === id) {
      await this.#drop(path);
      event('parcel-done', `${what} is ${state}${reason ? `: ${reason.message}` : ''}`);
      return;
    }
    try {
      const local = localOrder(updater.update, parcel.ref, id, this.#ports.clock.now());
      event('parcel-taken', `${what} was brought to the device in a file`);
      updater.dispatch({ kind: 'desired', desired: local });
    } catch (error) {
      await this.#drop(path);
      throw error;
    }
  }

  /**
   * The parcel that was brought last, opened; one before it that a power cut has left is removed. Errors: those of `openParcel`,
   * after which it is gone; those of the disk.
   */
  async #find(): Promise<Arrived | null> {
    const { disk } = this.#ports;
    const parcels = (await disk.list(this.#folder)).filter(({ name }) => name.endsWith(suffix));
    const entry = parcels.sort((a, b) => (a.name < b.name ? -1 : 1)).pop();
    for (const { name } of parcels) await disk.remove(`${this.#folder}/${name}`);
    const path = entry && `${this.#folder}/${entry.name}`;
    if (!entry || !path) {
      this.#arrived = null;
    } else if (this.#arrived?.path !== path) {
      const read = (offset: number, sizeBytes: number) => disk.readRange(path, offset, sizeBytes);
      try {
        const parcel = await openParcel(entry.sizeBytes, read);
        this.#arrived = { id: `${parcelPrefix}${sha256(parcel.head)}`, path, parcel };
      } catch (error) {
        // A disk that does not read may read the next time.
        if (error instanceof CoveyError && error.code !== 'DISK_FAILED') await this.#drop(path);
        throw error;
      }
    }
    return this.#arrived;
  }

  async #drop(path: string): Promise<void> {
    this.#arrived = null;
    await this.#ports.disk.remove(path);
  }
}

function orderUnderWay(update: Update): string | undefined {
  return isSettled(update) ? undefined : update.desired?.setBy.id;
}

/** Metadata is the parcel's alone, or two states of it would mix; the network has transfers, a parcel has none. */
const parcelsAlone = /^\/(trust|transfers)\//;

async function answerFrom(
  disk: Disk,
  { path, parcel }: Arrived,
  { url, maxBytes, onPart, signal }: FetchRequest,
): Promise<FetchAnswer | undefined> {
  const { pathname } = new URL(url);
  const file = parcel.files.get(pathname);
  const head = { status: file ? 200 : 404, headers: {} };
  if (!file) return parcelsAlone.test(pathname) ? { ...head, body: new Uint8Array(0) } : undefined;
  const { offset, sizeBytes } = file;
  if (sizeBytes > maxBytes)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `${pathname} of the parcel has ${sizeBytes} bytes`);
  const body = await disk.readRange(path, offset, sizeBytes);
  if (!onPart) return { ...head, body };
  for (let at = 0; at < body.byteLength; at += partBytes) {
    if (signal?.aborted) throw new CoveyError('CANCELLED', 'the exchange was cancelled');
    await onPart(body.subarray(at, at + partBytes), head);
  }
  return { ...head, body: new Uint8Array(0) };
}
