import { createHash } from 'node:crypto';
import type { Disk } from '@covey/ports';
import type { Measured } from '@covey/protocol';

/** Of so many bundles the last measurements are remembered. */
const mostBundles = 64;
const checksumChars = 64;

/** What probes found here, by digest of the bundle; the last measured is the last. */
export type MeasuredBundles = Record<string, Measured>;

const fileIn = (folder: string) => `${folder}/measured`;

/**
 * Reads what `rememberMeasured` wrote: a line with the SHA-256 of the JSON that follows. A file that is absent or damaged
 * remembers nothing, and everything is measured again.
 */
export async function readMeasured(disk: Disk, folder: string): Promise<MeasuredBundles> {
  const bytes = await disk.read(fileIn(folder));
  if (!bytes) return {};
  const text = Buffer.from(bytes).toString();
  const json = text.slice(checksumChars + 1);
  // The checksum shows that these are the bytes we wrote, so they are typed and not validated.
  return text.slice(0, checksumChars + 1) === `${sha256(json)}\n`
    ? (JSON.parse(json) as MeasuredBundles)
    : {};
}

/** Adds measurements, in place of older ones of the same bundles, and forgets the oldest beyond the bound. Errors: DISK_FULL. */
export async function rememberMeasured(disk: Disk, folder: string, found: MeasuredBundles): Promise<void> {
  const before = Object.entries(await readMeasured(disk, folder)).filter(([bundle]) => !(bundle in found));
  const kept = [...before, ...Object.entries(found)].slice(-mostBundles);
  const json = JSON.stringify(Object.fromEntries(kept));
  await disk.write(fileIn(folder), Buffer.from(`${sha256(json)}\n${json}`));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
