import { CoveyError } from '@covey/protocol';
import type { Disk, DiskEntry, Random } from '../ports.ts';

/** Decides over each change, counted from 1, before it is made: let it happen, or cut the power around it. */
export type DiskFault = (change: number) => 'none' | 'cut-before' | 'cut-during' | 'cut-after';

interface File {
  bytes: Uint8Array;
  sizeBytes: number;
  /** What a power cut leaves for certain. */
  syncedBytes: number;
}

/**
 * A disk in memory that forgets at a power cut what was not synced: unsynced tails are torn or turn to zeros, files that
 * were never synced may vanish, removed files may come back until their folder is synced.
 */
export class SimulatedDisk {
  #files = new Map<string, File>();
  #removed = new Map<string, File>();
  readonly #folders = new Set<string>(['/']);
  readonly #random: Random;
  capacityBytes: number;
  /** Changes made so far. */
  changes = 0;
  /** Called when a fault cuts the power in the middle of a change. */
  onCut: () => void = () => {};
  fault: DiskFault = () => 'none';
  /** Files that cannot be read, as where sectors are bad. */
  isUnreadable: (path: string) => boolean = () => false;

  constructor(random: Random, capacityBytes: number) {
    this.#random = random;
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#files.values().reduce((sum, file) => sum + file.sizeBytes, 0);
  }

  /** Paths of all files, for looking from outside. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** Flips bits of one byte, as a failing medium would. */
  damage(path: string, offset: number): void {
    const file = this.#need(path);
    const byte = file.bytes[offset];
    if (byte === undefined || offset >= file.sizeBytes) throw new Error(`${path} has no byte ${offset}`);
    file.bytes[offset] = byte ^ 0x55;
  }

  powerCut(): void {
    for (const [path, file] of this.#removed) {
      if (this.#random.fraction() < 0.5) this.#files.set(path, file);
    }
    this.#removed.clear();
    for (const [path, file] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) this.#tear(path, file);
  }

  /** The port's operations; `guard` wraps each, which is how a machine stops answering processes that are dead. */
  port(guard: <T>(operation: () => T) => Promise<T>): Disk {
    const change = <T>(make: () => T, tear: () => void = () => {}) => guard(() => this.#change(make, tear));
    return {
      read: (path) => guard(() => this.#read(path)),
      readRange: (path, offset, sizeBytes) =>
        guard(() => {
          this.#needReadable(path);
          const file = this.#need(path);
          return file.bytes.slice(offset, Math.min(offset + sizeBytes, file.sizeBytes));
        }),
      write: (path, bytes) => change(() => this.#write(path, bytes)),
      append: (path, bytes, { sync }) =>
        change(
          () => this.#append(path, bytes, sync),
          () => this.#append(path, bytes.subarray(0, this.#upTo(bytes.byteLength)), false),
        ),
      truncate: (path, sizeBytes) => change(() => this.#truncate(path, sizeBytes)),
      rename: (from, to) => change(() => this.#rename(from, to)),
      remove: (path) => change(() => this.#remove(path)),
      makeFolder: (path) => change(() => this.#makeFolder(path)),
      list: (folder) => guard(() => this.#list(folder)),
      freeBytes: () => guard(() => Math.max(0, this.capacityBytes - this.usedBytes)),
    };
  }

  #change<T>(make: () => T, tear: () => void): T {
    const fault = this.fault(++this.changes);
    if (fault === 'none') return make();
    if (fault === 'cut-during') tear();
    if (fault === 'cut-after') make();
    this.onCut();
    throw new Error('the power is cut');
  }

  #tear(path: string, file: File): void {
    if (file.syncedBytes === file.sizeBytes) return;
    if (file.syncedBytes === 0 && this.#random.fraction() < 0.3) {
      this.#files.delete(path);
      return;
    }
    file.sizeBytes = file.syncedBytes + this.#upTo(file.sizeBytes - file.syncedBytes);
    if (this.#random.fraction() < 0.3) file.bytes.fill(0, file.syncedBytes, file.sizeBytes);
    file.syncedBytes = file.sizeBytes;
  }

  #upTo(count: number): number {
    return Math.floor(this.#random.fraction() * (count + 1));
  }

  #need(path: string): File {
    const file = this.#files.get(path);
    if (!file) throw new CoveyError('INTERNAL', `ENOENT: no such file, ${path}`);
    return file;
  }

  #needReadable(path: string): void {
    if (this.isUnreadable(path)) throw new CoveyError('DISK_FAILED', `EIO: i/o error, read ${path}`);
  }

  #read(path: string): Uint8Array | undefined {
    this.#needReadable(path);
    const file = this.#files.get(path);
    return file?.bytes.slice(0, file.sizeBytes);
  }

  #needRoom(bytes: number): void {
    if (bytes > 0 && this.usedBytes + bytes > this.capacityBytes) {
      throw new CoveyError('DISK_FULL', 'ENOSPC: no space left on device');
    }
  }

  #needFolder(path: string): void {
    const folder = parent(path);
    if (!this.#folders.has(folder)) throw new CoveyError('INTERNAL', `ENOENT: no such folder, ${folder}`);
  }

  #write(path: string, bytes: Uint8Array): void {
    this.#needFolder(path);
    this.#needRoom(bytes.byteLength);
    this.#files.set(path, {
      bytes: bytes.slice(),
      sizeBytes: bytes.byteLength,
      syncedBytes: bytes.byteLength,
    });
    this.#syncFolder(parent(path));
  }

  #append(path: string, bytes: Uint8Array, sync: boolean): void {
    this.#needFolder(path);
    const file = this.#files.get(path) ?? { bytes: new Uint8Array(0), sizeBytes: 0, syncedBytes: 0 };
    const room = Math.max(0, this.capacityBytes - this.usedBytes);
    // A full disk takes what fits and then fails: the tail is torn while the process lives on.
    const taken = bytes.subarray(0, Math.min(bytes.byteLength, room));
    extend(file, taken);
    const isNew = !this.#files.has(path);
    this.#files.set(path, file);
    this.#removed.delete(path);
    if (taken.byteLength < bytes.byteLength) this.#needRoom(bytes.byteLength);
    if (!sync) return;
    file.syncedBytes = file.sizeBytes;
    if (isNew) this.#syncFolder(parent(path));
  }

  #truncate(path: string, sizeBytes: number): void {
    const file = this.#need(path);
    file.sizeBytes = Math.min(file.sizeBytes, sizeBytes);
    file.syncedBytes = file.sizeBytes;
  }

  #rename(from: string, to: string): void {
    this.#needFolder(to);
    const moved = [...this.#files].filter(([path]) => path === from || path.startsWith(`${from}/`));
    if (moved.length === 0 && !this.#folders.has(from)) this.#need(from);
    for (const [path, file] of moved) {
      this.#files.delete(path);
      this.#files.set(to + path.slice(from.length), file);
    }
    for (const folder of [...this.#folders].filter((name) => name === from || name.startsWith(`${from}/`))) {
      this.#folders.delete(folder);
      this.#folders.add(to + folder.slice(from.length));
    }
    this.#syncFolder(parent(from));
    this.#syncFolder(parent(to));
  }

  #remove(path: string): void {
    for (const [name, file] of [...this.#files]) {
      if (name !== path && !name.startsWith(`${path}/`)) continue;
      this.#files.delete(name);
      // Inside a removed folder nothing comes back: there is no name to reach it by.
      if (name === path) this.#removed.set(name, file);
    }
    for (const folder of [...this.#folders]) {
      if (folder === path || folder.startsWith(`${path}/`)) this.#folders.delete(folder);
    }
  }

  #makeFolder(path: string): void {
    for (let folder = path; folder !== '/'; folder = parent(folder)) this.#folders.add(folder);
  }

  #syncFolder(folder: string): void {
    for (const path of [...this.#removed.keys()]) if (parent(path) === folder) this.#removed.delete(path);
  }

  #list(folder: string): DiskEntry[] {
    const prefix = folder === '/' ? '/' : `${folder}/`;
    const entries = new Map<string, DiskEntry>();
    for (const name of this.#folders) {
      if (name !== folder && name.startsWith(prefix)) {
        const [first = ''] = name.slice(prefix.length).split('/');
        entries.set(first, { name: first, isFolder: true, sizeBytes: 0 });
      }
    }
    for (const [path, { sizeBytes }] of this.#files) {
      const name = path.slice(prefix.length);
      if (path.startsWith(prefix) && !name.includes('/'))
        entries.set(name, { name, isFolder: false, sizeBytes });
    }
    return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function parent(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/'))) || '/';
}

function extend(file: File, bytes: Uint8Array): void {
  const neededBytes = file.sizeBytes + bytes.byteLength;
  if (neededBytes > file.bytes.byteLength) {
    const grown = new Uint8Array(Math.max(neededBytes, 2 * file.bytes.byteLength));
    grown.set(file.bytes.subarray(0, file.sizeBytes));
    file.bytes = grown;
  }
  file.bytes.set(bytes, file.sizeBytes);
  file.sizeBytes = neededBytes;
}
