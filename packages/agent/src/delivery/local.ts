import type { Disk } from '@covey/ports';
import { type Hold, HoldSchema, limits, NetworkSchema, parseDocument, toCoveyError } from '@covey/protocol';

const longestHoldMs = 365 * 86_400_000;

/**
 * What somebody on the device asks for in `hold.json`; null: nothing. A file that cannot be read was meant to hold
 * something up, so it does, and says what is wrong with it.
 */
export async function readHold(
  disk: Disk,
  folder: string,
  now: number,
): Promise<Omit<Hold, 'format'> | null> {
  const bytes = await disk.read(`${folder}/hold.json`);
  if (!bytes) return null;
  try {
    return parseDocument(HoldSchema, bytes, 'hold.json', limits.documentBytes);
  } catch (error) {
    return { until: now + longestHoldMs, reason: toCoveyError(error).message };
  }
}

/**
 * Whether bytes cost money now: as `network.json` says, or as the agent was told where there is none. One that cannot be
 * read is taken for a metered link: it costs time, not money.
 */
export async function readMetered(disk: Disk, folder: string, isMetered: boolean): Promise<boolean> {
  const bytes = await disk.read(`${folder}/network.json`);
  if (!bytes) return isMetered;
  try {
    return parseDocument(NetworkSchema, bytes, 'network.json', limits.documentBytes).metered;
  } catch {
    // The answer of a file with a fault in it is the careful one.
    return true;
  }
}
