import * as v from 'valibot';
import { canonicalJson, parseDocument } from '../document.ts';
import { CoveyError } from '../errors/index.ts';
import { limits } from '../limits.ts';
import { datatypes, elementBytes, elementCount, type Tensor } from './tensors.ts';

/**
 * The file of golden vectors, `covey-golden/1`: the size of a head in bytes (u32, little-endian), the head (JSON), and
 * the tensors' data, as models take them, in the order of the head: vector by vector, inputs before outputs. Each begins at
 * the next multiple of 8 bytes from the start of the file, with zeros before it. Not base64 in JSON: a device would fetch a
 * third more.
 */

/** Inputs with the outputs that the publisher's own run gave for them, by name. */
export interface GoldenVector {
  inputs: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

const TensorHeadSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  datatype: v.picklist(datatypes),
  shape: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(0))), v.maxLength(limits.tensorRank)),
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limits.goldenBytes)),
});
type TensorHead = v.InferOutput<typeof TensorHeadSchema>;

/** A list, not an object by name: names are whatever the model's author chose, `__proto__` and `constructor` too. */
const tensorHeads = v.pipe(
  v.array(TensorHeadSchema),
  v.maxLength(limits.tensorsPerModel),
  v.check((heads) => new Set(heads.map(({ name }) => name)).size === heads.length, 'a name comes twice'),
);

export const GoldenHeadSchema = v.object({
  format: v.literal('covey-golden/1'),
  vectors: v.pipe(
    v.array(v.object({ inputs: tensorHeads, outputs: tensorHeads })),
    v.minLength(1),
    v.maxLength(64),
  ),
});

const sizeFieldBytes = 4;
const alignBytes = 8;
const what = 'golden vectors';

/** Errors: INVALID_DOCUMENT for data that does not fill its shape, PAYLOAD_TOO_LARGE. */
export function encodeGolden(vectors: readonly GoldenVector[]): Uint8Array {
  const head = new TextEncoder().encode(
    canonicalJson({
      format: 'covey-golden/1',
      vectors: vectors.map(({ inputs, outputs }) => ({ inputs: headsOf(inputs), outputs: headsOf(outputs) })),
    }),
  );
  const placed: [offset: number, data: Uint8Array][] = [];
  let end = sizeFieldBytes + head.byteLength;
  for (const { inputs, outputs } of vectors) {
    for (const [, { data }] of [...inOrder(inputs), ...inOrder(outputs)]) {
      const offset = aligned(end);
      placed.push([offset, data]);
      end = offset + data.byteLength;
    }
  }
  requireSize(end);
  const bytes = new Uint8Array(end);
  new DataView(bytes.buffer).setUint32(0, head.byteLength, true);
  bytes.set(head, sizeFieldBytes);
  for (const [offset, data] of placed) bytes.set(data, offset);
  // Reading it back refuses here what would be refused on the device.
  parseGolden(bytes);
  return bytes;
}

/**
 * Tensors are copies. Errors: INVALID_DOCUMENT for anything but tensors whose data fill their shapes and the file,
 * WIRE_MALFORMED, PAYLOAD_TOO_LARGE.
 */
export function parseGolden(bytes: Uint8Array): GoldenVector[] {
  requireSize(bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headBytes = bytes.byteLength < sizeFieldBytes ? Number.NaN : view.getUint32(0, true);
  let end = sizeFieldBytes + headBytes;
  if (!(end <= bytes.byteLength))
    throw new CoveyError('WIRE_MALFORMED', `${what}: the file ends in its head`);
  const head = parseDocument(
    GoldenHeadSchema,
    bytes.subarray(sizeFieldBytes, end),
    what,
    limits.goldenHeadBytes,
  );
  const take = (heads: readonly TensorHead[]) =>
    Object.fromEntries(
      heads.map((tensor): [string, Tensor] => {
        const { name } = tensor;
        const offset = aligned(end);
        const isPadded = bytes.subarray(end, offset).every((byte) => byte === 0);
        end = offset + tensor.sizeBytes;
        if (!isPadded || end > bytes.byteLength) throw wrong(`"${name}" is not where its head says`);
        return [name, tensorOf(tensor, new Uint8Array(bytes.subarray(offset, end)))];
      }),
    );
  const vectors = head.vectors.map(({ inputs, outputs }) => ({
    inputs: take(inputs),
    outputs: take(outputs),
  }));
  if (end !== bytes.byteLength) throw wrong(`${bytes.byteLength - end} bytes follow the last tensor`);
  return vectors;
}

function headsOf(tensors: Record<string, Tensor>): TensorHead[] {
  return inOrder(tensors).map(([name, { datatype, shape, data }]) => ({
    ...{ name, datatype, shape },
    sizeBytes: data.byteLength,
  }));
}

/** By name, so that equal vectors give equal bytes. */
function inOrder(named: Record<string, Tensor>): [string, Tensor][] {
  return Object.entries(named).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function tensorOf({ name, datatype, shape }: TensorHead, data: Uint8Array): Tensor {
  const found = datatype === 'BYTES' ? countByteStrings(data) : data.byteLength / elementBytes[datatype];
  if (found !== elementCount(shape)) throw wrong(`the data of "${name}" does not fill its shape [${shape}]`);
  return { datatype, shape, data };
}

/** Elements of a BYTES tensor: each a u32 length, little-endian, and its bytes. NaN when they do not end with the data. */
function countByteStrings(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  let offset = 0;
  for (; offset + 4 <= view.byteLength; count++) offset += 4 + view.getUint32(offset, true);
  return offset === view.byteLength ? count : Number.NaN;
}

function aligned(offset: number): number {
  return Math.ceil(offset / alignBytes) * alignBytes;
}

function requireSize(sizeBytes: number): void {
  if (sizeBytes > limits.goldenBytes)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `${what} have ${sizeBytes} bytes, the limit is ${limits.goldenBytes}`,
    );
}

function wrong(fault: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `${what}: ${fault}`);
}
