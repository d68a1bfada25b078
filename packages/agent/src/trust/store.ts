import type { MetadataStore } from '@covey/bundle/tuf';
import type { Disk } from '@covey/ports';

/** Trusted metadata in a folder of its own. `Disk.write` replaces a file whole, so that a kill leaves the old or the new. */
export function diskStore(disk: Disk, folder: string): MetadataStore {
  const pathOf = (name: string) => `${folder}/${name}`;
  return {
    read: (name) => disk.read(pathOf(name)),
    write: async (name, bytes) => {
      await disk.makeFolder(folder);
      await disk.write(pathOf(name), bytes);
    },
    remove: (name) => disk.remove(pathOf(name)),
  };
}
