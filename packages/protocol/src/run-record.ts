/**
 * What a runtime process was doing when it died: a small file that its threads write into before and after each run, and
 * that outlives them. One slot per loaded model: a byte that is 1 while the model loads or runs, then its bundle's digest.
 */

const digestChars = 64;
/** Slots do not share a disk sector's worth of meaning: a torn write cannot happen within one byte. */
export const runSlotBytes = 1 + digestChars;

/** A slot for `bundle`, marked as running or not. */
export function encodeRunSlot(bundle: string, isRunning: boolean): Uint8Array {
  const slot = new Uint8Array(runSlotBytes);
  slot[0] = isRunning ? 1 : 0;
  slot.set(new TextEncoder().encode(bundle).subarray(0, digestChars), 1);
  return slot;
}

/** The bundles that were loading or running, each once. Whatever the file holds, this answers. */
export function runningBundles(record: Uint8Array): string[] {
  const running = new Set<string>();
  for (let offset = 0; offset + runSlotBytes <= record.byteLength; offset += runSlotBytes) {
    if (record[offset] !== 1) continue;
    const bundle = new TextDecoder().decode(record.subarray(offset + 1, offset + runSlotBytes));
    if (/^[0-9a-f]{64}$/.test(bundle)) running.add(bundle);
  }
  return [...running];
}
