import {
  CoveyError,
  type LoadedModel,
  type Manifest,
  type ModelVersionRef,
  type ProbeCandidate,
} from '@covey/protocol';
import type { Choice } from '../update/index.ts';
import type { BundleStore } from './store.ts';

/** A chosen variant as the runtime loads it. Errors: NOT_FOUND, BUNDLE_INCOMPATIBLE, those of `BundleStore.manifest`. */
export async function loadedModel(
  store: BundleStore,
  { ref, variant, provider, threads = 1 }: Choice,
): Promise<LoadedModel> {
  const manifest = await store.manifest(ref.bundle);
  const chosen = manifest.variants.find((candidate) => candidate.name === variant);
  if (!chosen) {
    throw new CoveyError('BUNDLE_INCOMPATIBLE', `${ref.model} ${ref.version} has no variant ${variant}`);
  }
  return {
    ref,
    variant,
    provider,
    threads,
    path: pathOf(store, manifest, chosen.file),
    schema: manifest.schema,
    ...(manifest.serving && { settings: manifest.serving }),
    ...(manifest.pipeline && { pipeline: manifest.pipeline }),
    ...(manifest.classification && { classification: manifest.classification }),
    ...(manifest.reference && { referencePath: pathOf(store, manifest, manifest.reference) }),
  };
}

/** A version as the probe measures it: all variants, or the one named. Errors: as `loadedModel`. */
export async function probeCandidate(
  store: BundleStore,
  ref: ModelVersionRef,
  variant: string | null,
): Promise<ProbeCandidate> {
  const manifest = await store.manifest(ref.bundle);
  return {
    ref,
    schema: manifest.schema,
    ...(manifest.classification && { classification: manifest.classification }),
    variants: manifest.variants
      .filter(({ name }) => variant === null || name === variant)
      .map(({ name, file, tolerances }) => ({ name, path: pathOf(store, manifest, file), tolerances })),
    ...(manifest.golden && { goldenPath: pathOf(store, manifest, manifest.golden) }),
  };
}

/** Where the file lies that the manifest names by this path. */
function pathOf(store: BundleStore, { files }: Manifest, path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  if (!file) throw new CoveyError('BUNDLE_INCOMPATIBLE', `the manifest names no file ${path}`);
  return store.filePath(file);
}
