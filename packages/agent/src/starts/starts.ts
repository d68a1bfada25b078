import type { Disk } from '@covey/ports';

/** How often the agent has started on this device, and how many of the last starts in a row did not last. */
interface Starts {
  starts: number;
  inRow: number;
}

const fileIn = (folder: string) => `${folder}/starts`;

/**
 * Counts this start, on the medium before it resolves: to be called before anything that may fail because of what is
 * installed, so that even a device that falls over at once is seen to. A file that is absent or damaged counts from 0. Errors:
 * DISK_FULL, DISK_FAILED.
 */
export async function countStart(disk: Disk, folder: string): Promise<Starts> {
  const before = await read(disk, folder);
  const counted = { starts: before.starts + 1, inRow: before.inRow + 1 };
  await write(disk, folder, counted);
  return counted;
}

/** This start has lasted, or was ended by somebody who wanted to. Errors: DISK_FULL, DISK_FAILED. */
export async function noteLasted(disk: Disk, folder: string): Promise<void> {
  const before = await read(disk, folder);
  if (before.inRow > 0) await write(disk, folder, { ...before, inRow: 0 });
}

async function read(disk: Disk, folder: string): Promise<Starts> {
  const bytes = await disk.read(fileIn(folder));
  const [, starts, inRow] = /^(\d{1,15}) (\d{1,15})\n$/.exec(Buffer.from(bytes ?? []).toString()) ?? [];
  return { starts: Number(starts ?? 0), inRow: Number(inRow ?? 0) };
}

function write(disk: Disk, folder: string, { starts, inRow }: Starts): Promise<void> {
  return disk.write(fileIn(folder), Buffer.from(`${starts} ${inRow}\n`));
}
