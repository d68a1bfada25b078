import { createHash } from 'node:crypto';
import type { Disk } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { initialUpdate, type Update } from '../update/index.ts';

const formatName = 'covey-ledger';
const formatVersion = 1;
const slots = ['ledger-a', 'ledger-b'] as const;

interface LedgerDocument {
  format: string;
  /** Counts the writes; the higher of two undamaged slots is the truth. */
  generation: number;
  /** Ledger time: unix milliseconds that never go back, whatever the clock does. */
  at: number;
  update: Update;
}

/** The device's one memory of what it runs and what it is about to run. */
export interface Ledger {
  readonly update: Update;
  /** Ledger time of the last write, 0 before the first. */
  readonly at: number;
  /** Slots that were there but damaged when the ledger was opened. */
  readonly damaged: string[];
  /** On the medium when it resolves; on failure the ledger is as before. */
  save(update: Update, at: number): Promise<void>;
}

/**
 * Two slots, written in turn by temporary file, fsync and rename, each a line with the SHA-256 of the JSON that follows.
 * A damaged newest slot falls back to the one before; with both gone the device starts anew, which the controller sees and
 * mends. Errors: DATA_NEWER (written by a newer Covey).
 */
export async function openLedger(disk: Disk, folder: string): Promise<Ledger> {
  const read = await Promise.all(slots.map((slot) => readSlot(disk, `${folder}/${slot}`)));
  const newest = read.flatMap((slot) => slot.document ?? []).sort((a, b) => b.generation - a.generation)[0];
  let generation = newest?.generation ?? 0;
  const ledger = {
    update: newest?.update ?? initialUpdate,
    at: newest?.at ?? 0,
    damaged: read.flatMap((slot) => slot.damaged ?? []),
    save: async (update: Update, at: number) => {
      const next = generation + 1;
      const document: LedgerDocument = {
        format: `${formatName}/${formatVersion}`,
        generation: next,
        at,
        update,
      };
      await disk.write(`${folder}/${slots[next % 2 === 0 ? 0 : 1]}`, encode(document));
      generation = next;
      ledger.update = update;
      ledger.at = at;
    },
  };
  return ledger;
}

function encode(document: LedgerDocument): Uint8Array {
  const json = JSON.stringify(document);
  return Buffer.from(`${sha256(json)}\n${json}`);
}

async function readSlot(disk: Disk, path: string): Promise<{ document?: LedgerDocument; damaged?: string }> {
  const bytes = await readable(disk, path);
  if (bytes === 'unreadable') return { damaged: path };
  if (!bytes) return {};
  const text = Buffer.from(bytes).toString();
  const json = text.slice(65);
  if (text.slice(0, 65) !== `${sha256(json)}\n`) return { damaged: path };
  const document = parse(json, path);
  const [name, version] = document.format.split('/');
  if (name !== formatName) throw new CoveyError('DATA_FOREIGN', `${path} is not a ledger`);
  if (Number(version) > formatVersion) {
    throw new CoveyError(
      'DATA_NEWER',
      `${path} has format ${document.format}, this Covey knows ${formatVersion}`,
    );
  }
  return { document };
}

/** A sector that cannot be read is damage like any other: the other slot stands in. */
async function readable(disk: Disk, path: string): Promise<Uint8Array | undefined | 'unreadable'> {
  try {
    return await disk.read(path);
  } catch (error) {
    if (toCoveyError(error).code === 'DISK_FAILED') return 'unreadable';
    throw error;
  }
}

/** The checksum has shown that these are the bytes we wrote, so they are typed and not validated. */
function parse(json: string, path: string): LedgerDocument {
  try {
    return JSON.parse(json) as LedgerDocument;
  } catch (cause) {
    throw new CoveyError('DATA_CORRUPT', `${path}: ${toCoveyError(cause).message}`, { cause });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
