import { type Datatype, elementBytes } from '@covey/protocol';

/**
 * Moves tensors to where their elements are aligned, a few bytes to the front: there stood what has been read already. ONNX
 * Runtime refuses elements that are not, and a copy in its thread needs fresh memory.
 */
export class Realigner {
  /** Where the tensor before ends. */
  #end = 0;

  /** To be called for the tensors of a message in their order, when all that stands between them has been read. */
  aligned(bytes: Uint8Array, datatype: Datatype): Uint8Array {
    const { buffer, byteOffset, byteLength } = bytes;
    const widthBytes = datatype === 'BYTES' ? 1 : elementBytes[datatype];
    const target = byteOffset - (byteOffset % widthBytes);
    if (target === byteOffset || target < this.#end || byteOffset < this.#end) {
      this.#end = Math.max(this.#end, byteOffset + byteLength);
      return bytes;
    }
    new Uint8Array(buffer).copyWithin(target, byteOffset, byteOffset + byteLength);
    this.#end = target + byteLength;
    return new Uint8Array(buffer, target, byteLength);
  }
}
