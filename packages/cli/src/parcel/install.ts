import { copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openDeviceFolder } from '@covey/agent';
import { openParcel, sha256 } from '@covey/bundle';
import { systemDisk } from '@covey/ports';
import type { ModelVersionRef } from '@covey/protocol';

/**
 * Puts a parcel whose shape is right into a device's inbox, in place of one that is there; whether it is to be trusted the agent finds out. Errors: those of
 * openDeviceFolder and openParcel, DISK_FULL.
 */
export async function installParcel(path: string, folder: string): Promise<ModelVersionRef> {
  const { inbox } = await openDeviceFolder(systemDisk, folder);
  await systemDisk.makeFolder(inbox);
  // Checked is what has been copied: a stick may be pulled out.
  const temporary = join(inbox, 'arriving.tmp');
  try {
    await copyFile(path, temporary);
    const file = await open(temporary, 'r+');
    const { size } = await file.stat();
    await file.sync().finally(() => file.close());
    const read = (offset: number, bytes: number) => systemDisk.readRange(temporary, offset, bytes);
    const { ref, head } = await openParcel(size, read);
    const name = `${sha256(head)}.parcel`;
    await systemDisk.rename(temporary, join(inbox, name));
    for (const other of await systemDisk.list(inbox))
      if (other.name !== name) await systemDisk.remove(join(inbox, other.name));
    return ref;
  } finally {
    await systemDisk.remove(temporary);
  }
}
