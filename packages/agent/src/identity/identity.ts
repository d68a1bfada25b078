import type { Disk } from '@covey/ports';
import { CoveyError, parseJson, type Tags } from '@covey/protocol';
import type { DeviceFolder } from '../folder/index.ts';

/** Who this device is and whom it trusts. */
export interface Identity {
  deviceId: string;
  mqttUrl: string;
  /** Where bundles and chunks are fetched. */
  deviceUrl: string;
  tags: Tags;
  keyPem: string;
  certificatePem: string;
  caPem: string;
  /** Root metadata from which the device began to trust, as it was received. */
  pinnedRoot: Uint8Array;
}

/** Writes the identity, mode 0600. `device.json` goes last: without it there is no identity. */
export async function storeIdentity(disk: Disk, folder: DeviceFolder, identity: Identity): Promise<void> {
  const write = (name: string, content: string | Uint8Array) =>
    disk.write(`${folder.identity}/${name}`, Buffer.from(content));
  const { deviceId, mqttUrl, deviceUrl, tags } = identity;
  await disk.makeFolder(folder.identity);
  await write('key.pem', identity.keyPem);
  await write('certificate.pem', identity.certificatePem);
  await write('ca.pem', identity.caPem);
  await write('root.json', identity.pinnedRoot);
  await write('device.json', JSON.stringify({ deviceId, mqttUrl, deviceUrl, tags }));
}

/** The identity, or undefined when the device was never enrolled. Errors: DATA_CORRUPT when part of it is missing or damaged. */
export async function readIdentity(disk: Disk, folder: DeviceFolder): Promise<Identity | undefined> {
  const devicePath = `${folder.identity}/device.json`;
  const bytes = await disk.read(devicePath);
  if (!bytes) return undefined;
  const text = async (name: string) => (await need(disk, `${folder.identity}/${name}`)).toString();
  try {
    const device = parseJson(bytes, devicePath) as Pick<
      Identity,
      'deviceId' | 'mqttUrl' | 'deviceUrl' | 'tags'
    >;
    return {
      ...device,
      keyPem: await text('key.pem'),
      certificatePem: await text('certificate.pem'),
      caPem: await text('ca.pem'),
      pinnedRoot: await need(disk, `${folder.identity}/root.json`),
    };
  } catch (cause) {
    if (cause instanceof CoveyError && cause.code === 'DATA_CORRUPT') throw cause;
    throw new CoveyError('DATA_CORRUPT', `the identity in ${folder.identity} is damaged`, { cause });
  }
}

async function need(disk: Disk, path: string): Promise<Buffer> {
  const bytes = await disk.read(path);
  if (!bytes) throw new CoveyError('DATA_CORRUPT', `${path} is missing`);
  return Buffer.from(bytes);
}
