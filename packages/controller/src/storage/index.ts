export { type Blobs, type StoredBytes, storedBytes } from './blobs.ts';
export { claimDataFolder } from './data-folder.ts';
export { openStorage, type Storage } from './storage.ts';
export type * from './tables.ts';
