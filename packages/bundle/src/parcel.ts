import { CoveyError, DigestSchema, limits, ModelVersionRefSchema, parseDocument } from '@covey/protocol';
import * as v from 'valibot';

/**
 * A version in one file, for devices that reach nobody: what the device listener would answer, by path. A line that names the
 * format, u32 (big-endian) length of the index, the index as JSON, then the contents in its order, without gaps. It proves
 * nothing by itself: a device takes what is in it as it takes what comes over the network.
 */
export type Parcel = v.InferOutput<typeof IndexSchema>;

const formatLine = new TextEncoder().encode('covey-parcel/1\n');
const prefixBytes = formatLine.byteLength + 4;
const indexBytes = 16 * 1024 * 1024;
const mostFiles = 100_000;
/** A path is only ever compared, never one of a file system. */
const largest: [RegExp, number][] = [
  [/^\/trust\/[\w.%-]{1,300}$/, limits.trustTargetsBytes],
  [/^\/bundles\/[0-9a-f]{64}$/, limits.manifestBytes],
  [/^\/chunks\/[0-9a-f]{64}$/, limits.chunkBytes],
];

const FileSchema = v.pipe(
  v.object({
    path: v.string(),
    sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
    /** Where the path does not end in it. It shows damage on the way, and proves no more than the rest. */
    sha256: v.optional(DigestSchema),
  }),
  v.check(
    ({ path, sizeBytes }) => largest.some(([pattern, most]) => pattern.test(path) && sizeBytes <= most),
    'none of the files that devices fetch, or too large for one',
  ),
);
const IndexSchema = v.object({
  /** The version it is for. */
  ref: ModelVersionRefSchema,
  files: v.pipe(v.array(FileSchema), v.maxLength(mostFiles)),
});

/** What a parcel begins with; the contents of `files` follow in their order. Errors: INVALID_DOCUMENT, PAYLOAD_TOO_LARGE. */
export function encodeParcelHead(parcel: Parcel): Uint8Array {
  const index = new TextEncoder().encode(JSON.stringify(parcel));
  parseDocument(IndexSchema, index, 'parcel', indexBytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(index.byteLength);
  return Buffer.concat([formatLine, length, index]);
}

/** Where a file lies in a parcel. */
export interface ParcelFile {
  offset: number;
  sizeBytes: number;
  sha256: string;
}

/** A parcel that is open. */
export interface OpenParcel {
  ref: Parcel['ref'];
  /** What names all the rest. */
  head: Uint8Array;
  files: ReadonlyMap<string, ParcelFile>;
}

/**
 * Reads the head of a parcel and checks its shape. Errors: WIRE_MALFORMED (no parcel, cut short, or with something after it),
 * INVALID_DOCUMENT, PAYLOAD_TOO_LARGE; those of `read`.
 */
export async function openParcel(
  sizeBytes: number,
  read: (offset: number, sizeBytes: number) => Promise<Uint8Array>,
): Promise<OpenParcel> {
  const prefix = Buffer.from(await read(0, prefixBytes));
  if (prefix.byteLength < prefixBytes || !prefix.subarray(0, formatLine.byteLength).equals(formatLine))
    throw new CoveyError('WIRE_MALFORMED', 'this is no parcel that `covey bundle export` has made');
  const length = prefix.readUInt32BE(formatLine.byteLength);
  if (length > indexBytes)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `the index of the parcel has ${length} bytes`);
  const index = await read(prefixBytes, length);
  if (index.byteLength < length) throw cutShort();
  const { ref, files } = parseDocument(IndexSchema, index, 'parcel', indexBytes);
  let offset = prefixBytes + length;
  const found = new Map<string, ParcelFile>();
  for (const file of files) {
    if (found.has(file.path)) throw new CoveyError('INVALID_DOCUMENT', `parcel: ${file.path} comes twice`);
    const sha256 = /\/([0-9a-f]{64})$/.exec(file.path)?.[1] ?? file.sha256;
    if (sha256 === undefined) throw new CoveyError('INVALID_DOCUMENT', `parcel: ${file.path} has no digest`);
    found.set(file.path, { offset, sizeBytes: file.sizeBytes, sha256 });
    offset += file.sizeBytes;
  }
  if (offset !== sizeBytes) throw cutShort();
  return { ref, head: Buffer.concat([prefix, index]), files: found };
}

function cutShort(): CoveyError {
  return new CoveyError('WIRE_MALFORMED', 'the parcel is not as long as it says: copy it again');
}
