const [c1, c2] = [0xcc9e2d51, 0x1b873593];

/**
 * MurmurHash3 x86_32 of the text's UTF-8 bytes: 0..2^32-1, the same on every machine and in browsers (A. Appleby,
 * MurmurHash3.cpp, public domain).
 */
export function murmur3(text: string, seed = 0): number {
  const bytes = new TextEncoder().encode(text);
  const blocks = bytes.length >>> 2;
  let hash = seed | 0;
  for (let at = 0; at < blocks * 4; at += 4) {
    hash = mixed(hash, wordAt(bytes, at));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (bytes.length > blocks * 4) hash = mixed(hash, wordAt(bytes, blocks * 4));
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Little-endian; bytes beyond the end are 0. */
function wordAt(bytes: Uint8Array, at: number): number {
  const byte = (i: number) => bytes[at + i] ?? 0;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

function mixed(hash: number, word: number): number {
  const scrambled = Math.imul(word, c1);
  return hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), c2);
}
