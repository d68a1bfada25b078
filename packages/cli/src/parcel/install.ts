import { copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { arrivingParcel, openDeviceFolder } from '@covey/agent';
import { openParcel, sha256 } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import type { ModelVersionRef } from '@covey/protocol';

/**
 * Puts a parcel whose shape is right into a device's inbox, in place of one that is there; whether it is to be trusted the agent finds out. Errors: those of
 * openDeviceFolder and openParcel, DISK_FULL.
 */
export async function installParcel(disk: Disk, path: string, folder: string): Promise<ModelVersionRef> {
  const { inbox } = await openDeviceFolder(disk, folder);
  await disk.makeFolder(inbox);
  // Checked is what has been copied: a stick may be pulled out.
  const temporary = join(inbox, arrivingParcel);
  try {
    await copyFile(path, temporary);
    const file = await open(temporary, 'r+');
    const { size } = await file.stat();
    await file.sync().finally(() => file.close());
    const read = (offset: number, bytes: number) => disk.readRange(temporary, offset, bytes);
    const { ref, head } = await openParcel(size, read);
    const name = `${sha256(head)}.parcel`;
    // Before the new one has its name: of two, the agent could not tell which was brought last.
    for (const other of await disk.list(inbox))
      if (![name, arrivingParcel].includes(other.name)) await disk.remove(join(inbox, other.name));
    await disk.rename(temporary, join(inbox, name));
    return ref;
  } finally {
    await disk.remove(temporary);
  }
}
