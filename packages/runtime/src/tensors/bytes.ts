/** Whether both hold the same bytes: by words, where both lie alike. */
export function areSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const isAligned = a.byteOffset % wordBytes === 0 && b.byteOffset % wordBytes === 0;
  const words = isAligned ? Math.floor(a.byteLength / wordBytes) : 0;
  const [left, right] = [wordsOf(a, words), wordsOf(b, words)];
  for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false;
  for (let i = words * wordBytes; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

const wordBytes = 4;

function wordsOf({ buffer, byteOffset }: Uint8Array, words: number): Int32Array {
  return words === 0 ? new Int32Array() : new Int32Array(buffer, byteOffset, words);
}
