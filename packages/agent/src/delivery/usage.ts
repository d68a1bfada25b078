import { createHash } from 'node:crypto';
import type { Disk } from '@covey/ports';

/** What came over the network for the order under way. Counted ahead: after a crash it says rather too much than too little. */
export interface Usage {
  orderId: string;
  bytes: number;
  meteredBytes: number;
  /** The device's day, and what came in it for any order. */
  day: string;
  todayBytes: number;
  /** Transfers that decoded to something else: names of target and base. Not fetched again for this order. */
  failedTransfers: string[];
}

const checksumChars = 64;
/** Tells apart from each other what one order can name at all. */
const mostFailed = 1_000;

/** The count as it stands for `orderId` on `day`: a new order begins anew, and so does a day. */
export function usageFor(before: Usage | undefined, orderId: string, day: string): Usage {
  const fresh = { orderId, bytes: 0, meteredBytes: 0, failedTransfers: [] };
  const sameOrder = before?.orderId === orderId ? before : fresh;
  return { ...sameOrder, day, todayBytes: before?.day === day ? before.todayBytes : 0 };
}

export function addBytes(usage: Usage, bytes: number, isMetered: boolean): Usage {
  return {
    ...usage,
    bytes: usage.bytes + bytes,
    todayBytes: usage.todayBytes + bytes,
    meteredBytes: usage.meteredBytes + (isMetered ? bytes : 0),
  };
}

export function addFailedTransfer(usage: Usage, name: string): Usage {
  return { ...usage, failedTransfers: [...usage.failedTransfers, name].slice(-mostFailed) };
}

/** Reads what `writeUsage` wrote: a line with the SHA-256 of the JSON that follows. Absent or damaged: nothing is known. */
export async function readUsage(disk: Disk, folder: string): Promise<Usage | undefined> {
  const bytes = await disk.read(`${folder}/delivery`);
  const text = Buffer.from(bytes ?? []).toString();
  const json = text.slice(checksumChars + 1);
  // The checksum shows that these are the bytes we wrote, so they are typed and not validated.
  return text.slice(0, checksumChars + 1) === `${sha256(json)}\n` ? (JSON.parse(json) as Usage) : undefined;
}

export async function writeUsage(disk: Disk, folder: string, usage: Usage): Promise<void> {
  const json = JSON.stringify(usage);
  await disk.write(`${folder}/delivery`, Buffer.from(`${sha256(json)}\n${json}`));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
