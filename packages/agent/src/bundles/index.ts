export { type BundleStore, openBundleStore } from './store.ts';
export { loadedModel, probeCandidate } from './models.ts';
