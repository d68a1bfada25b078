import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemDisk as disk } from './disk.ts';

describe('the real disk', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'covey-disk-'));
  });
  afterAll(() => rm(root, { recursive: true }));
  const bytes = (text: string) => Buffer.from(text);
  const text = async (path: string) => Buffer.from((await disk.read(path)) ?? []).toString();

  it('writes, appends, cuts and reads, for the owner alone', async () => {
    const path = join(root, 'a/b/file');
    await disk.makeFolder(join(root, 'a/b'));
    await disk.write(path, bytes('old'));
    await disk.write(path, bytes('hello'));
    await disk.append(path, bytes(' world'), { sync: true });
    await disk.append(path, bytes('!'), { sync: false });
    expect(await text(path)).toBe('hello world!');
    expect(Buffer.from(await disk.readRange(path, 6, 100)).toString()).toBe('world!');
    await disk.truncate(path, 5);
    expect(await text(path)).toBe('hello');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o700);
    expect((await disk.list(join(root, 'a/b'))).map((entry) => entry.name)).toEqual(['file']);
    expect(await disk.freeBytes(root)).toBeGreaterThan(0);
  });

  it('moves and removes folders, and takes what is absent for empty', async () => {
    await disk.makeFolder(join(root, 'from/inner'));
    await disk.write(join(root, 'from/inner/file'), bytes('x'));
    await disk.rename(join(root, 'from'), join(root, 'to'));
    expect(await text(join(root, 'to/inner/file'))).toBe('x');
    await disk.remove(join(root, 'to'));
    await disk.remove(join(root, 'to'));
    expect(await disk.list(join(root, 'to'))).toEqual([]);
    expect(await disk.read(join(root, 'to'))).toBeUndefined();
  });

  it('does not list what goes while it looks, such as a link to nothing', async () => {
    await disk.makeFolder(join(root, 'links'));
    await symlink(join(root, 'nowhere'), join(root, 'links/dangling'));
    await disk.write(join(root, 'links/file'), bytes('x'));
    expect((await disk.list(join(root, 'links'))).map((entry) => entry.name)).toEqual(['file']);
  });

  it('names the file that lies where a folder is to be', async () => {
    const file = join(root, 'letter.txt');
    await disk.write(file, bytes('dear'));
    const inner = join(file, 'deep/inner');
    const uses = [
      () => disk.read(inner),
      () => disk.list(file),
      () => disk.makeFolder(file),
      () => disk.makeFolder(inner),
    ];
    for (const use of uses)
      await expect(use()).rejects.toMatchObject({ code: 'DATA_FOREIGN', message: `${file} is no folder` });
  });

  it('keeps the errno as cause, says DISK_FULL when it is, and leaves no temporary file', async () => {
    await expect(disk.write(join(root, 'absent/file'), bytes('x'))).rejects.toMatchObject({
      code: 'INTERNAL',
      cause: { code: 'ENOENT' },
    });
    // Linux has a device that is always full.
    if (process.platform !== 'linux') return;
    await expect(disk.append('/dev/full', bytes('x'), { sync: false })).rejects.toMatchObject({
      code: 'DISK_FULL',
      cause: { code: 'ENOSPC' },
    });
    await disk.makeFolder(join(root, 'target/occupied/by'));
    await expect(disk.write(join(root, 'target/occupied'), bytes('x'))).rejects.toMatchObject({
      code: 'INTERNAL',
    });
    expect((await disk.list(join(root, 'target'))).map((entry) => entry.name)).toEqual(['occupied']);
  });
});
