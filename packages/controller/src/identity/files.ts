import { join } from 'node:path';
import type { Disk, Random } from '@covey/ports';
import { type AuthorityFiles, createAuthorityFiles } from './authority.ts';

const decoder = new TextDecoder();

/** Files of the identity in the controller's data folder, all of mode 0600. */
export interface IdentityFiles {
  /** The stored CA; the first time a new one. The key is written first: a certificate is never there without its key. */
  authority(random: Random, now: number): Promise<AuthorityFiles>;
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
  return {
    authority: async (random, now) => {
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
