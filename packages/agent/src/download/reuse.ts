import type { Disk } from '@covey/ports';
import type { BundleFile } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';

type Chunk = BundleFile['chunks'][number];

/** Chunks that complete bundles on this disk hold. The bytes read are not verified. */
export interface LocalChunks {
  read(chunk: Chunk): Promise<Uint8Array | undefined>;
}

/** Looks through the manifests once; a bundle whose manifest cannot be read offers nothing. */
export async function chunksOnDisk(disk: Disk, store: BundleStore): Promise<LocalChunks> {
  const places = new Map<string, { path: string; offset: number }>();
  for (const digest of await store.complete()) {
    // A damaged neighbour must not stop a download: its chunks are fetched instead.
    const manifest = await store.manifest(digest).catch(() => undefined);
    for (const file of manifest?.files ?? []) {
      let offset = 0;
      for (const chunk of file.chunks) {
        places.set(chunk.sha256, { path: store.filePath(digest, file.path), offset });
        offset += chunk.sizeBytes;
      }
    }
  }
  return {
    read: async (chunk) => {
      const place = places.get(chunk.sha256);
      if (!place) return undefined;
      return disk.readRange(place.path, place.offset, chunk.sizeBytes).catch(() => undefined);
    },
  };
}
