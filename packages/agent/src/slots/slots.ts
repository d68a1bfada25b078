import { createHash } from 'node:crypto';
import type { Disk } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';

/** One document in two files, written in turn: whatever happens to a write, the one before is whole. */
export interface Slots<Document> {
  /** The newest undamaged one; undefined when there is none. */
  readonly document: Document | undefined;
  /** The one before, as far as it is whole. */
  readonly previous: Document | undefined;
  /** Files that were there but damaged when this was opened. */
  readonly damaged: readonly string[];
  /** Files that were not there when this was opened: before the second write one of them is not. */
  readonly missing: readonly string[];
  /** On the medium when it resolves; on failure everything is as before. */
  save(document: Document): Promise<void>;
  /** Writes the present document over the other file, damaged or of the one before. Does nothing when both hold it. */
  settle(): Promise<void>;
}

interface Stored<Document> {
  format: string;
  /** Counts the writes; the higher of two undamaged files is the truth. */
  generation: number;
  document: Document;
}

/**
 * Opens `<path>-a` and `<path>-b`, each a line with the SHA-256 of the JSON that follows, written by temporary file, fsync and
 * rename. `format` is `name/version`. Errors: DATA_NEWER (written by a newer Covey), DATA_FOREIGN (another format).
 */
export async function openSlots<Document>(
  disk: Disk,
  path: string,
  format: string,
): Promise<Slots<Document>> {
  const paths = [`${path}-a`, `${path}-b`] as const;
  const read = await Promise.all(paths.map((slot) => readSlot<Document>(disk, slot, format)));
  const [newest, older] = read
    .flatMap(({ stored }) => stored ?? [])
    .sort((a, b) => b.generation - a.generation);
  let generation = newest?.generation ?? 0;
  let document = newest?.document;
  let previous = older?.document;
  const save = async (next: Document) => {
    const stored: Stored<Document> = { format, generation: generation + 1, document: next };
    await disk.write(paths[stored.generation % 2 === 0 ? 0 : 1], encode(stored));
    generation = stored.generation;
    previous = document;
    document = next;
  };
  return {
    get document() {
      return document;
    },
    get previous() {
      return previous;
    },
    damaged: read.flatMap(({ damaged }) => damaged ?? []),
    missing: paths.filter((_, index) => !read[index]?.stored && !read[index]?.damaged),
    save,
    settle: async () => {
      if (document !== undefined && JSON.stringify(previous) !== JSON.stringify(document))
        await save(document);
    },
  };
}

function encode(stored: Stored<unknown>): Uint8Array {
  const json = JSON.stringify(stored);
  return Buffer.from(`${sha256(json)}\n${json}`);
}

async function readSlot<Document>(
  disk: Disk,
  path: string,
  format: string,
): Promise<{ stored?: Stored<Document>; damaged?: string }> {
  const bytes = await readable(disk, path);
  if (bytes === 'unreadable') return { damaged: path };
  if (!bytes) return {};
  const text = Buffer.from(bytes).toString();
  const json = text.slice(65);
  if (text.slice(0, 65) !== `${sha256(json)}\n`) return { damaged: path };
  const stored = parse<Document>(json, path);
  const [name, version] = String(stored.format).split('/');
  const [expected, known] = format.split('/');
  if (name !== expected) throw new CoveyError('DATA_FOREIGN', `${path} is no ${expected} file`);
  if (Number(version) > Number(known)) {
    throw new CoveyError('DATA_NEWER', `${path} has format ${stored.format}, this Covey knows ${known}`);
  }
  return { stored };
}

/** A sector that cannot be read is damage like any other: the other file stands in. */
async function readable(disk: Disk, path: string): Promise<Uint8Array | undefined | 'unreadable'> {
  try {
    return await disk.read(path);
  } catch (error) {
    if (toCoveyError(error).code === 'DISK_FAILED') return 'unreadable';
    throw error;
  }
}

/** The checksum has shown that these are the bytes we wrote, so they are typed and not validated. */
function parse<Document>(json: string, path: string): Stored<Document> {
  try {
    return JSON.parse(json) as Stored<Document>;
  } catch (cause) {
    throw new CoveyError('DATA_CORRUPT', `${path}: ${toCoveyError(cause).message}`, { cause });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
