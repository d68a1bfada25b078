import { join } from 'node:path';
import type { Disk, Random } from '@covey/ports';
import { type AuthorityFiles, createAuthorityFiles } from './authority.ts';

const decoder = new TextDecoder();

/** Files of the identity in the controller's data folder, all of mode 0600. */
export interface IdentityFiles {
  hasAuthority(): Promise<boolean>;
  /** The stored CA; the first time a new one. The key is written first: a certificate is never there without its key. */
  authority(random: Random, now: number): Promise<AuthorityFiles>;
  /** The CA that is to take over; undefined: none is. */
  nextAuthority(): Promise<AuthorityFiles | undefined>;
  writeNextAuthority(files: AuthorityFiles): Promise<void>;
  /** Makes the next CA the present one. Cut off in the middle it is finished when `authority` is read again. */
  promoteNextAuthority(): Promise<void>;
  /** The stored bearer token; the first time a new one of 256 random bits. */
  adminToken(random: Random): Promise<string>;
}

export function identityFiles(disk: Disk, folder: string): IdentityFiles {
  const read = async (...path: string[]) => {
    const bytes = await disk.read(join(folder, ...path));
    return bytes && decoder.decode(bytes);
  };
  const write = (text: string, ...path: string[]) =>
    disk.write(join(folder, ...path), new TextEncoder().encode(text));
  const nextAuthority = async () => {
    const certificate = await read('ca', 'next.pem');
    return certificate === undefined
      ? undefined
      : { certificate, key: (await read('ca', 'next-key.pem')) ?? '' };
  };
  const promoteNextAuthority = async () => {
    const next = await nextAuthority();
    // The certificate goes before the key: without it the change was done but for this.
    if (!next) return disk.remove(join(folder, 'ca', 'promote'));
    // From here on the intention is on the disk, and every step may be done again.
    await write('', 'ca', 'promote');
    await write(next.key, 'ca', 'key.pem');
    await write(next.certificate, 'ca', 'ca.pem');
    for (const name of ['next.pem', 'next-key.pem', 'promote']) await disk.remove(join(folder, 'ca', name));
  };
  return {
    hasAuthority: async () => (await read('ca', 'ca.pem')) !== undefined,
    nextAuthority,
    promoteNextAuthority,
    writeNextAuthority: async ({ certificate, key }) => {
      await write(key, 'ca', 'next-key.pem');
      await write(certificate, 'ca', 'next.pem');
    },
    authority: async (random, now) => {
      if ((await read('ca', 'promote')) !== undefined) await promoteNextAuthority();
      const certificate = await read('ca', 'ca.pem');
      if (certificate !== undefined) return { certificate, key: (await read('ca', 'key.pem')) ?? '' };
      const files = await createAuthorityFiles(random, now);
      await disk.makeFolder(join(folder, 'ca'));
      await write(files.key, 'ca', 'key.pem');
      await write(files.certificate, 'ca', 'ca.pem');
      return files;
    },
    adminToken: async (random) => {
      const stored = (await read('admin.token'))?.trim();
      if (stored) return stored;
      const token = Buffer.from(random.bytes(32)).toString('base64url');
      await write(`${token}\n`, 'admin.token');
      return token;
    },
  };
}
