import { isChunk } from '@covey/bundle';
import type { Disk } from '@covey/ports';
import type { BundleFile } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';

type Chunk = BundleFile['chunks'][number];

/** Chunks that files on this disk hold, damaged ones too: each is verified as it is read. */
export interface LocalChunks {
  /** Whether it should be here. */
  has(chunk: Chunk): boolean;
  /** Undefined: it is not, or not any more. */
  read(chunk: Chunk): Promise<Uint8Array | undefined>;
}

/** Looks through the manifests once. A chunk that lies in several files is found in each. */
export async function chunksOnDisk(disk: Disk, store: BundleStore): Promise<LocalChunks> {
  const places = new Map<string, { path: string; offset: number }[]>();
  const seen = new Set<string>();
  for (const { file } of await store.files()) {
    if (seen.has(file.sha256)) continue;
    seen.add(file.sha256);
    let offset = 0;
    for (const { sha256, sizeBytes } of file.chunks) {
      const known = places.get(sha256) ?? [];
      places.set(sha256, [...known, { path: store.filePath(file), offset }]);
      offset += sizeBytes;
    }
  }
  const read = async (chunk: Chunk) => {
    for (const { path, offset } of places.get(chunk.sha256) ?? []) {
      // What cannot be read is fetched instead.
      const bytes = await disk.readRange(path, offset, chunk.sizeBytes).catch(() => undefined);
      if (bytes && isChunk(bytes, chunk)) return bytes;
    }
    places.delete(chunk.sha256);
    return undefined;
  };
  return { has: ({ sha256 }) => places.has(sha256), read };
}
