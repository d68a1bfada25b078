import { join } from 'node:path';
import type { Disk, DiskEntry } from '@covey/ports';
import { CoveyError, parseJson } from '@covey/protocol';

const markerName = 'covey.json';
const formatName = 'covey-data';
const formatVersion = 1;
const kind = 'controller';

/**
 * Makes `folder` a controller's data folder, or checks that it is one, by its marker file
 * `covey.json` {"format":"covey-data/1","kind":"controller"}.
 * Errors: DATA_FOREIGN (another program's or a device's folder), DATA_NEWER, DATA_CORRUPT (also where a folder that was in use
 * has lost its database: with a new one the controller would know none of its devices and versions).
 */
export async function claimDataFolder(disk: Disk, folder: string): Promise<void> {
  const path = join(folder, markerName);
  const marker = await disk.read(path);
  const entries = await disk.list(folder);
  if (marker) {
    checkMarker(marker, path);
    return checkDatabase(entries, folder);
  }
  // A power cut may have left a temporary file of a marker that was being written.
  const others = entries.filter((entry) => !entry.name.startsWith(markerName));
  if (others.length > 0)
    throw new CoveyError('DATA_FOREIGN', `${folder} holds files but no ${markerName}: it is not Covey's`);
  await disk.makeFolder(folder);
  const text = JSON.stringify({ format: `${formatName}/${formatVersion}`, kind });
  await disk.write(path, new TextEncoder().encode(`${text}\n`));
}

/** The certificate authority is made after the database, so where it is the database has been. */
function checkDatabase(entries: readonly DiskEntry[], folder: string): void {
  const has = (name: string) => entries.some((entry) => entry.name === name && entry.sizeBytes > 0);
  if (has('covey.db') || !entries.some(({ name }) => name === 'ca')) return;
  throw new CoveyError(
    'DATA_CORRUPT',
    `${join(folder, 'covey.db')} is missing or empty, and the folder was in use: restore it from a backup, with covey.db-wal where that has one`,
  );
}

function checkMarker(bytes: Uint8Array, path: string): void {
  const marker = parseMarker(bytes, path);
  const [name, version] = String(marker.format).split('/');
  if (name !== formatName || !/^[1-9]\d*$/.test(version ?? ''))
    throw new CoveyError('DATA_CORRUPT', `${path} names no format of Covey`);
  if (Number(version) > formatVersion)
    throw new CoveyError('DATA_NEWER', `${path} says ${marker.format}; this Covey knows ${formatVersion}`);
  if (marker.kind !== kind)
    throw new CoveyError('DATA_FOREIGN', `${path} marks a folder of kind ${marker.kind}, not ${kind}`);
}

function parseMarker(bytes: Uint8Array, path: string): { format?: unknown; kind?: unknown } {
  try {
    return Object(parseJson(bytes, path, 4_096));
  } catch (cause) {
    throw new CoveyError('DATA_CORRUPT', `${path} cannot be read`, { cause });
  }
}
