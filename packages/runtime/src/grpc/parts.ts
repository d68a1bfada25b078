/** Parts of one message, written one after the other, so that tensors are not copied into it. */
export type Parts = Uint8Array[];

export function sizeOf(parts: Parts): number {
  return parts.reduce((total, { byteLength }) => total + byteLength, 0);
}
