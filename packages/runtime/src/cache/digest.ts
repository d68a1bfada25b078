import type { Tensors } from '../tensors/index.ts';

const [offset, prime] = [0x811c9dc5, 0x01000193];

/**
 * Of names, datatypes, shapes and bytes, whatever the order of the names: FNV-1a over words of 32 bits, in two lanes
 * (G. Fowler, L. C. Noll, K.-P. Vo). It finds what may be equal and stands for nothing else.
 */
export function tensorsDigest(tensors: Tensors): string {
  const lanes = new Uint32Array([offset, ~offset]);
  for (const name of Object.keys(tensors).sort()) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    const { datatype, shape, data } = tensor;
    add(lanes, new TextEncoder().encode(JSON.stringify([name, datatype, shape, data.byteLength])));
    add(lanes, data);
  }
  return Array.from(lanes, (lane) => lane.toString(36)).join('-');
}

function add(lanes: Uint32Array, bytes: Uint8Array): void {
  let [a = 0, b = 0] = lanes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wholeBytes = bytes.byteLength - (bytes.byteLength % 4);
  for (let at = 0; at < wholeBytes; at += 4) {
    const word = view.getInt32(at, true);
    a = Math.imul(a ^ word, prime);
    b = Math.imul(b ^ (word >>> 15) ^ (word << 17), prime) ^ (b >>> 13);
  }
  for (let at = wholeBytes; at < bytes.byteLength; at++) {
    a = Math.imul(a ^ view.getUint8(at), prime);
    b = Math.imul(b ^ view.getUint8(at), prime) ^ (b >>> 13);
  }
  lanes[0] = a;
  lanes[1] = b;
}
