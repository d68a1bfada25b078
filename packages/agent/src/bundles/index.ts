export { loadedModel, probeCandidate } from './models.ts';
export { makeRoom } from './room.ts';
export { type BundleStore, openBundleStore, type StoredFile } from './store.ts';
