import { copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { arrivingParcel, openDeviceFolder } from '@covey/agent';
import { type OpenParcel, openParcel, sha256 } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import { CoveyError, type ModelVersionRef } from '@covey/protocol';

/**
 * Puts a parcel that has come whole into a device's inbox, in place of one that is there; whether it is to be trusted the agent finds out. Errors: those of
 * openDeviceFolder and openParcel, DATA_CORRUPT, DISK_FULL.
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
    const { ref, head, files } = await openParcel(size, read);
    await checkContents(files, read);
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

/** Whoever holds the stick is still there to copy it again. */
async function checkContents(
  files: OpenParcel['files'],
  read: (offset: number, sizeBytes: number) => Promise<Uint8Array>,
): Promise<void> {
  for (const [path, { offset, sizeBytes }] of files) {
    const digest = /\/([0-9a-f]{64})$/.exec(path)?.[1];
    if (digest !== undefined && sha256(await read(offset, sizeBytes)) !== digest)
      throw new CoveyError('DATA_CORRUPT', `the parcel is damaged (${path}): copy it again`);
  }
}
