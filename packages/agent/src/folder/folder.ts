import type { Disk } from '@covey/ports';
import { CoveyError, parseJson } from '@covey/protocol';

/** Paths inside a device's data folder; see the README for what lies where. */
export interface DeviceFolder {
  root: string;
  identity: string;
  state: string;
  outbox: string;
  bundles: string;
  trust: string;
  /** Parcels that somebody has brought; see `inbox`. */
  inbox: string;
  /** The agent's own software; see `software`. */
  software: string;
}

const formatName = 'covey-data';
const formatVersion = 1;
/** The command locks a folder before it opens it, so a lock alone does not make a folder somebody's. */
const lockName = 'lock';

/**
 * The paths of an existing device folder. Errors: NOT_FOUND (absent or empty: nothing was enrolled there), DATA_FOREIGN (not
 * a device's folder of Covey's), DATA_NEWER (written by a newer Covey). Changes nothing.
 */
export async function openDeviceFolder(disk: Disk, root: string): Promise<DeviceFolder> {
  const marker = await disk.read(`${root}/covey.json`);
  if (!marker) {
    const isEmpty = (await disk.list(root)).every(({ name }) => name === lockName);
    throw isEmpty
      ? new CoveyError('NOT_FOUND', `no device was enrolled in ${root}: do that first, with covey enroll`)
      : new CoveyError('DATA_FOREIGN', `${root} is not a data folder of Covey: it has no covey.json`);
  }
  checkMarker(root, marker);
  return pathsOf(root);
}

/** Makes `root` a device folder when it is absent or empty, or opens it when it is one already. Errors: as `openDeviceFolder`. */
export async function initDeviceFolder(disk: Disk, root: string): Promise<DeviceFolder> {
  const marker = await disk.read(`${root}/covey.json`);
  if (marker) {
    checkMarker(root, marker);
  } else {
    const foreign = (await disk.list(root)).find(
      (entry) => entry.name !== lockName && !isTemporary(entry.name),
    );
    if (foreign) throw new CoveyError('DATA_FOREIGN', `${root} holds ${foreign.name}, which is not of Covey`);
    await disk.makeFolder(root);
  }
  const folder = pathsOf(root);
  for (const path of [folder.identity, folder.state, folder.outbox, folder.bundles, folder.trust])
    await disk.makeFolder(path);
  if (!marker) {
    const content = JSON.stringify({ format: `${formatName}/${formatVersion}`, kind: 'device' });
    await disk.write(`${root}/covey.json`, Buffer.from(content));
  }
  return folder;
}

/** Left by a durable write that a power cut interrupted, or a folder of ours made just before its marker. */
function isTemporary(name: string): boolean {
  return name.endsWith('.tmp') || Object.keys(pathsOf('')).includes(name);
}

function pathsOf(root: string): DeviceFolder {
  return {
    root,
    identity: `${root}/identity`,
    state: `${root}/state`,
    outbox: `${root}/outbox`,
    bundles: `${root}/bundles`,
    trust: `${root}/trust`,
    inbox: `${root}/inbox`,
    software: `${root}/software`,
  };
}

function checkMarker(root: string, bytes: Uint8Array): void {
  const marker = readMarker(root, bytes);
  const [name, version] = String(marker?.format ?? '').split('/');
  if (name !== formatName || marker?.kind !== 'device') {
    throw new CoveyError('DATA_FOREIGN', `${root} is not the data folder of a device`);
  }
  if (Number(version) > formatVersion) {
    throw new CoveyError(
      'DATA_NEWER',
      `${root} has format ${marker.format}, this Covey knows up to ${formatVersion}`,
    );
  }
}

function readMarker(root: string, bytes: Uint8Array): { format?: unknown; kind?: unknown } | null {
  try {
    return parseJson(bytes, `${root}/covey.json`) as { format?: unknown; kind?: unknown } | null;
  } catch (cause) {
    throw new CoveyError('DATA_FOREIGN', `${root}/covey.json is not a marker of Covey's`, { cause });
  }
}
