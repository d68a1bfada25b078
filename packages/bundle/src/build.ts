import {
  type Dependency,
  encodeGolden,
  type GoldenVector,
  type Manifest,
  type Variant,
} from '@covey/protocol';
import type { Extent } from './cut.ts';
import { sha256 } from './digest.ts';
import { encodeEvaluation } from './evaluation.ts';
import { cutFile } from './files.ts';
import { checkGolden } from './golden.ts';
import { checkManifest, encodeManifest } from './manifest.ts';
import { parseReference } from './reference.ts';

/**
 * A variant with its bytes; `file` is its path in the bundle, `<name>.onnx` when absent; `tensors`: where its weights lie,
 * which chunks then respect.
 */
export type VariantSource = Omit<Variant, 'file'> & {
  bytes: Uint8Array;
  file?: string;
  tensors?: readonly Extent[];
};

/** What a bundle is made of. `reference` comes from encodeReference; `evaluation` is any JSON value. */
export interface BundleSource
  extends Pick<
    Manifest,
    | 'model'
    | 'version'
    | 'createdAt'
    | 'description'
    | 'securityCounter'
    | 'schema'
    | 'classification'
    | 'serving'
    | 'pipeline'
    | 'requirements'
    | 'provides'
    | 'depends'
  > {
  variants: readonly VariantSource[];
  /** Of the agent's own software: the archive. */
  software?: Uint8Array;
  golden?: readonly GoldenVector[];
  reference?: Uint8Array;
  evaluation?: unknown;
}

/** `manifestBytes` is what is signed for, `digest` its SHA-256; `chunks` are by SHA-256, views into the bytes given. */
export interface Bundle {
  manifest: Manifest;
  manifestBytes: Uint8Array;
  digest: string;
  chunks: Map<string, Uint8Array>;
}

/**
 * Cuts and describes a version. Equal sources give equal bundles, byte for byte. Errors: INVALID_DOCUMENT
 * for anything a device would refuse, golden vectors that do not fit the schema among it; PAYLOAD_TOO_LARGE.
 */
export function buildBundle(source: BundleSource): Bundle {
  const { variants, software, golden, reference, evaluation, depends: _, ...about } = source;
  const needed = dependenciesOf(source);
  const contents: { path: string; bytes: Uint8Array; tensors: readonly Extent[] }[] = [];
  const place = (path: string, bytes: Uint8Array, tensors: readonly Extent[] = []): string => {
    contents.push({ path, bytes, tensors });
    return path;
  };
  if (golden) checkGolden(golden, about.schema);
  if (reference) parseReference(reference);
  const placed: Omit<Manifest, 'files'> = {
    format: 'covey-bundle/1',
    ...about,
    ...(needed.length > 0 && { depends: needed }),
    variants: variants.map(({ bytes, file, tensors, ...variant }) => ({
      ...variant,
      file: place(file ?? `${variant.name}.onnx`, bytes, tensors),
    })),
    ...(software ? { software: place('software.tar', software) } : {}),
    ...(golden ? { golden: place('golden.bin', encodeGolden(golden)) } : {}),
    ...(reference ? { reference: place('reference.pb', reference) } : {}),
    ...(evaluation === undefined
      ? {}
      : { evaluation: place('evaluation.json', encodeEvaluation(evaluation)) }),
  };
  const cut = contents.map(({ path, bytes, tensors }) => cutFile(path, bytes, tensors));
  const manifest = checkManifest({ ...placed, files: cut.map(({ file }) => file) });
  const manifestBytes = encodeManifest(manifest);
  return {
    manifest,
    manifestBytes,
    digest: sha256(manifestBytes),
    chunks: new Map(cut.flatMap(({ chunks }) => [...chunks])),
  };
}

/** What the source names, and what its pipeline calls. */
function dependenciesOf({ model, pipeline, depends = [] }: BundleSource): Dependency[] {
  const called = (pipeline?.stages ?? []).flatMap((stage) =>
    stage.kind === 'model' && stage.model !== undefined && stage.model !== model ? [stage.model] : [],
  );
  const named = new Set(depends.map(({ name }) => name));
  return [...depends, ...[...new Set(called)].filter((name) => !named.has(name)).map((name) => ({ name }))];
}
