import { parseManifest, sha256 } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import { type BundleFile, CoveyError, type Manifest } from '@covey/protocol';

const copySuffix = '.copy';

/** A file that lies in the store, and one manifest that names it. */
export interface StoredFile {
  digest: string;
  manifest: Manifest;
  file: BundleFile;
}

/**
 * The bundles on this device. Files lie under their SHA-256, so that what two versions have alike lies here once; which
 * are needed follows from the manifests and is written nowhere, so that no crash can make it wrong.
 */
export interface BundleStore {
  /** Digests with a manifest here, complete or not, as of the last change made through this store. */
  readonly present: readonly string[];
  /** Of files whole and arriving, as of the last change. */
  readonly usedBytes: number;
  /** All files are here, and none is known to be damaged. */
  isComplete(digest: string): Promise<boolean>;
  /** Errors: NOT_FOUND, BUNDLE_CORRUPT, those of `parseManifest`. */
  manifest(digest: string): Promise<Manifest>;
  /** Checks the bytes that claim to be the manifest of `digest` and keeps them. Errors: as `manifest`, DISK_FULL. */
  keepManifest(digest: string, bytes: Uint8Array): Promise<Manifest>;
  /** Whole, and not known to be damaged. */
  has(file: BundleFile): boolean;
  /** Where it is, or will be. */
  filePath(file: BundleFile): string;
  /** Where its chunks are gathered; `arrivalPath(file, name)` for what else is kept meanwhile. */
  arrivingPath(file: BundleFile): string;
  arrivalPath(file: BundleFile, name: string): string;
  /** Makes room to gather a file again from its first chunk; absent is fine. */
  restart(file: BundleFile): Promise<void>;
  /** All chunks have been gathered, verified and synced: from here on the file is here, in place of a damaged one. */
  adopt(file: BundleFile): Promise<void>;
  /** The bytes on disk are not the file's. It stays where it is until `adopt` replaces it. */
  markDamaged(file: BundleFile): void;
  /** What can be read from or compared with: the files of all manifests, damaged ones too. */
  files(): Promise<StoredFile[]>;
  /** Removes manifests, then the files that no other names. What is cut short is finished by the next call. */
  remove(digests: readonly string[]): Promise<void>;
}

export async function openBundleStore(disk: Disk, folder: string): Promise<BundleStore> {
  const store = new FolderStore(disk, folder);
  await store.open();
  return store;
}

class FolderStore implements BundleStore {
  readonly #disk: Disk;
  readonly #manifests: string;
  readonly #files: string;
  readonly #arriving: string;
  readonly #verified = new Map<string, Manifest>();
  readonly #sizes = new Map<string, number>();
  readonly #damaged = new Set<string>();
  present: readonly string[] = [];
  usedBytes = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#manifests = `${folder}/manifests`;
    this.#files = `${folder}/files`;
    this.#arriving = `${folder}/arriving`;
  }

  async open(): Promise<void> {
    for (const folder of [this.#manifests, this.#files, this.#arriving]) await this.#disk.makeFolder(folder);
    await this.#look();
    await this.#sweep();
  }

  async isComplete(digest: string): Promise<boolean> {
    if (!this.present.includes(digest)) return false;
    return (await this.manifest(digest)).files.every((file) => this.has(file));
  }

  async manifest(digest: string): Promise<Manifest> {
    const known = this.#verified.get(digest);
    if (known) return known;
    const path = `${this.#manifests}/${digest}`;
    const bytes = await this.#disk.read(path);
    const copy = await this.#disk.read(`${path}${copySuffix}`);
    const whole = [bytes, copy].find((kept) => kept && this.#isManifest(digest, kept)) ?? bytes ?? copy;
    if (!whole) throw new CoveyError('NOT_FOUND', `bundle ${digest} is not on this device`);
    const manifest = this.#check(digest, whole);
    this.#verified.set(digest, manifest);
    return manifest;
  }

  async keepManifest(digest: string, bytes: Uint8Array): Promise<Manifest> {
    const manifest = this.#check(digest, bytes);
    const path = `${this.#manifests}/${digest}`;
    // A manifest is what all else is checked against, and small: there are two.
    await this.#disk.write(`${path}${copySuffix}`, bytes);
    await this.#disk.write(path, bytes);
    this.#verified.set(digest, manifest);
    await this.#look();
    return manifest;
  }

  has(file: BundleFile): boolean {
    return this.#sizes.get(file.sha256) === file.sizeBytes && !this.#damaged.has(file.sha256);
  }

  filePath(file: BundleFile): string {
    return `${this.#files}/${file.sha256}`;
  }

  arrivingPath(file: BundleFile): string {
    return `${this.#arriving}/${file.sha256}`;
  }

  arrivalPath(file: BundleFile, name: string): string {
    return `${this.#arriving}/${file.sha256}.${name}`;
  }

  restart(file: BundleFile): Promise<void> {
    return this.#disk.remove(this.arrivingPath(file));
  }

  async adopt(file: BundleFile): Promise<void> {
    await this.#disk.rename(this.arrivingPath(file), this.filePath(file));
    this.#damaged.delete(file.sha256);
    for (const { name } of await this.#disk.list(this.#arriving))
      if (name.startsWith(`${file.sha256}.`)) await this.#disk.remove(`${this.#arriving}/${name}`);
    await this.#look();
  }

  markDamaged(file: BundleFile): void {
    this.#damaged.add(file.sha256);
  }

  async files(): Promise<StoredFile[]> {
    const found: StoredFile[] = [];
    for (const digest of this.present) {
      const manifest = await this.#readable(digest);
      for (const file of manifest?.files ?? [])
        if (manifest && this.#sizes.has(file.sha256)) found.push({ digest, manifest, file });
    }
    return found;
  }

  async remove(digests: readonly string[]): Promise<void> {
    for (const digest of digests) {
      this.#verified.delete(digest);
      await this.#disk.remove(`${this.#manifests}/${digest}`);
      await this.#disk.remove(`${this.#manifests}/${digest}${copySuffix}`);
    }
    await this.#look();
    await this.#sweep();
  }

  /** Removes what no manifest names. One that cannot be read might name anything: then nothing goes. */
  async #sweep(): Promise<void> {
    const named = new Set<string>();
    for (const digest of this.present) {
      const manifest = await this.#readable(digest);
      if (!manifest) return;
      for (const { sha256 } of manifest.files) named.add(sha256);
    }
    for (const folder of [this.#files, this.#arriving]) {
      for (const { name } of await this.#disk.list(folder))
        if (!named.has(name.slice(0, 64))) await this.#disk.remove(`${folder}/${name}`);
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    const names = (await this.#disk.list(this.#manifests)).map(({ name }) => name.replace(copySuffix, ''));
    this.present = [...new Set(names.filter((name) => /^[0-9a-f]{64}$/.test(name)))];
    const files = await this.#disk.list(this.#files);
    const arriving = await this.#disk.list(this.#arriving);
    this.#sizes.clear();
    for (const { name, sizeBytes } of files) this.#sizes.set(name, sizeBytes);
    this.usedBytes = [...files, ...arriving].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Undefined where it cannot be read: a damaged neighbour stops nothing. */
  #readable(digest: string): Promise<Manifest | undefined> {
    return this.manifest(digest).catch(() => undefined);
  }

  #isManifest(digest: string, bytes: Uint8Array): boolean {
    try {
      this.#check(digest, bytes);
      return true;
    } catch {
      // The check says no by throwing; here no is an answer.
      return false;
    }
  }

  #check(digest: string, bytes: Uint8Array): Manifest {
    if (sha256(bytes) !== digest)
      throw new CoveyError('BUNDLE_CORRUPT', `the manifest of bundle ${digest} has another digest`);
    return parseManifest(bytes);
  }
}
