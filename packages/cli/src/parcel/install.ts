import { copyFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openDeviceFolder, parcelName } from '@covey/agent';
import { type OpenParcel, openParcel, sha256 } from '@covey/bundle';
import type { Disk, Log } from '@covey/ports';
import { CoveyError, type ModelVersionRef, toCoveyError } from '@covey/protocol';
import { lockFolder } from '../folder/lock.ts';

/** A parcel on its way into the inbox; the agent takes no notice of it. */
const arrivingParcel = 'arriving.tmp';

/**
 * Puts a parcel that has come whole into a device's inbox, in place of one that is there; whether it is to be trusted the agent finds out. Errors: those of
 * openDeviceFolder and openParcel, NOT_FOUND (no file, or one that cannot be read), DATA_CORRUPT, DISK_FULL, DATA_LOCKED (another one is being put there).
 */
export async function installParcel(disk: Disk, path: string, folder: string): Promise<ModelVersionRef> {
  const { root, inbox } = await openDeviceFolder(disk, folder);
  await disk.makeFolder(inbox);
  // Two at a time would write into one file, and what was checked would not be what gets its name.
  const lock = lockInbox({ root, inbox });
  try {
    return await putInto(disk, path, inbox);
  } finally {
    lock.release();
  }
}

/**
 * Removes what a copy left that was cut off: it may be as large as a model. One that is under way holds the lock, and is left
 * alone. Rejects never: whatever is wrong with the inbox, the agent is to start.
 */
export async function sweepInbox(disk: Disk, log: Log, folder: string): Promise<void> {
  try {
    const { root, inbox } = await openDeviceFolder(disk, folder);
    if (!(await disk.list(inbox)).some(({ name }) => name === arrivingParcel)) return;
    const lock = lockInbox({ root, inbox });
    await disk.remove(join(inbox, arrivingParcel)).finally(() => lock.release());
  } catch (error) {
    const { code, message } = toCoveyError(error);
    if (code !== 'DATA_LOCKED') log.write('warn', `the inbox is not swept: ${message}`, { code });
  }
}

function lockInbox({ root, inbox }: { root: string; inbox: string }): { release(): void } {
  return lockFolder(inbox, join(root, 'inbox.lock'));
}

async function putInto(disk: Disk, path: string, inbox: string): Promise<ModelVersionRef> {
  // Checked is what has been copied: a stick may be pulled out.
  const temporary = join(inbox, arrivingParcel);
  try {
    await copyIn(disk, path, temporary);
    const file = await open(temporary, 'r+');
    const { size } = await file.stat();
    await file.sync().finally(() => file.close());
    const read = (offset: number, bytes: number) => disk.readRange(temporary, offset, bytes);
    const { ref, head, files } = await openParcel(size, read);
    await checkContents(files, read);
    const others = (await disk.list(inbox))
      .map((entry) => entry.name)
      .filter((name) => name !== arrivingParcel);
    // It has its name before the others lose theirs, or a power cut would leave none: of two the agent takes the one brought last.
    await disk.rename(temporary, join(inbox, parcelName(others, sha256(head))));
    for (const other of others) await disk.remove(join(inbox, other));
    return ref;
  } finally {
    await disk.remove(temporary);
  }
}

/** What is no parcel is not copied: a device has other use for its disk. */
async function copyIn(disk: Disk, path: string, temporary: string): Promise<void> {
  const unreadable = (error: unknown) => {
    const known = toCoveyError(error);
    if (known.code !== 'INTERNAL') throw known;
    throw new CoveyError('NOT_FOUND', `${path} cannot be read: ${known.message}`, { cause: error });
  };
  const status = await stat(path).catch(unreadable);
  // Such as a pipe, which might never end.
  if (!status.isFile()) throw new CoveyError('NOT_FOUND', `${path} is no file`);
  await openParcel(status.size, (offset, bytes) => disk.readRange(path, offset, bytes)).catch(unreadable);
  await copyFile(path, temporary).catch(unreadable);
}

/** Whoever holds the stick is still there to copy it again. */
async function checkContents(
  files: OpenParcel['files'],
  read: (offset: number, sizeBytes: number) => Promise<Uint8Array>,
): Promise<void> {
  for (const [path, file] of files) {
    if (sha256(await read(file.offset, file.sizeBytes)) !== file.sha256)
      throw new CoveyError('DATA_CORRUPT', `the parcel is damaged (${path}): copy it again`);
  }
}
