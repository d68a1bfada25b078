import { FileVerifier, isChunk } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import { type BundleFile, CoveyError } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';

/** How many chunks of a file that arrives are whole and true; what follows them, torn by a crash, is cut off. */
export async function gatheredChunks(disk: Disk, store: BundleStore, file: BundleFile): Promise<number> {
  const path = store.arrivingPath(file);
  const folder = path.slice(0, path.lastIndexOf('/'));
  const onDisk = (await disk.list(folder)).find((entry) => path === `${folder}/${entry.name}`);
  if (!onDisk) return 0;
  let gathered = 0;
  let offset = 0;
  for (const chunk of file.chunks) {
    if (!isChunk(await disk.readRange(path, offset, chunk.sizeBytes), chunk)) break;
    gathered++;
    offset += chunk.sizeBytes;
  }
  if (onDisk.sizeBytes > offset) await disk.truncate(path, offset);
  return gathered;
}

/**
 * Reads a file of the store and compares it with its manifest. Errors: BUNDLE_CORRUPT, after which the store knows that
 * the file is damaged: the next download repairs it.
 */
export async function verifyFile(disk: Disk, store: BundleStore, file: BundleFile): Promise<void> {
  const verifier = new FileVerifier(file);
  let offset = 0;
  try {
    for (const chunk of file.chunks) {
      verifier.add(await disk.readRange(store.filePath(file), offset, chunk.sizeBytes));
      offset += chunk.sizeBytes;
    }
    verifier.finish();
  } catch (error) {
    store.markDamaged(file);
    // A medium that cannot be read has lost the bytes as surely as one that gives others.
    throw new CoveyError('BUNDLE_CORRUPT', `${file.path}: ${(error as Error).message}`, { cause: error });
  }
}
