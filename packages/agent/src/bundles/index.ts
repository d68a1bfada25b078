export { loadedModel, probeCandidate } from './models.ts';
export { type BundleStore, openBundleStore } from './store.ts';
