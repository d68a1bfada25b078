import { existsSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { toCoveyError } from '@covey/protocol';
import { lockFolder } from '../folder/lock.ts';
import { requireOwnFolder, workName } from './output-folder.ts';
import { WorkFolder } from './work-folder.ts';

/** The output folder of one run, held against every other; the steps are kept in it until the run has succeeded. */
export interface Claim {
  work: WorkFolder;
  /** Where the steps are kept. */
  workPath: string;
  /** The run has written its result: nothing is left to go on with. */
  finish(): void;
  /** The run failed. Removes what it made unless that saves time later, which is answered. */
  abandon(): { isKept: boolean };
  release(): void;
}

/** Errors: INVALID_ARGUMENT (the folder is somebody else's, or cannot be made), DATA_LOCKED, DISK_FULL. */
export function claimFolder(folder: string): Claim {
  requireOwnFolder(folder);
  const workPath = join(folder, workName);
  const [isNew, isNewWork] = [!existsSync(folder), !existsSync(workPath)];
  const work = new WorkFolder(workPath);
  const lock = lockFolder(folder, join(workPath, 'lock'));
  return {
    work,
    workPath,
    finish: () => work.remove(),
    abandon: () => {
      if (!isNewWork || work.hasUnfinished()) return { isKept: true };
      work.remove();
      if (isNew) removeEmpty(folder);
      return { isKept: false };
    },
    release: () => lock.release(),
  };
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (cause) {
    // Somebody put something there in the meantime.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw toCoveyError(cause);
  }
}
