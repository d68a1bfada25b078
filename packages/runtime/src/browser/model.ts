import {
  type Classification,
  CoveyError,
  canonicalJson,
  checkDocument,
  DigestSchema,
  NameSchema,
  type Pipeline,
  PipelineSchema,
  type Provider,
  ProviderSchema,
  type ServingSettings,
  ServingSettingsSchema,
  type Tolerance,
  ToleranceSchema,
  VersionSchema,
} from '@covey/protocol';
import * as v from 'valibot';
import type { Store, StoredFile, WebFile } from './store.ts';
import { sha256Of } from './stored.ts';

/** One precision or format of a version. */
export interface WebVariant extends WebFile {
  /** As in `fp32` or `int8-qdq`. */
  name: string;
  /** What counts as equal to the golden outputs; left out: every element to 1e-4 and a thousandth of it. */
  tolerances?: Tolerance[];
}

/** A version of a model to be served in a page. */
export interface WebModel {
  /** What requests call it. */
  name: string;
  /** SemVer; several versions of one name may be open at a time. Default 1.0.0. */
  version?: string;
  /** At least one; the publisher's own first. */
  variants: readonly WebVariant[];
  /** A file `covey-golden/1`, as bundles hold it. Without one nothing is measured, as nothing could be shown to be right. */
  golden?: WebFile;
  /** How the first variant is run where nothing is measured: with one of these, or without golden vectors. `cpu`, which is WebAssembly, by one thread unless said. */
  provider?: Provider;
  threads?: number;
  /** WebGPU serves it only where it does all of the work, also when it is loaded again. */
  strict?: boolean;
  settings?: ServingSettings;
  /** What is done before and after the model, and with which others: callers see its inputs and outputs instead. */
  pipeline?: Pipeline;
  classification?: Classification;
}

interface StoredVariant extends StoredFile {
  name: string;
  tolerances: readonly Tolerance[];
}

/** A model whose files are here. */
export interface StoredModel {
  model: WebModel;
  version: string;
  /** What stands for the digest of a bundle: of all files and all that is declared with them, its name and version too. */
  bundle: string;
  variants: readonly [StoredVariant, ...StoredVariant[]];
  golden: StoredFile | undefined;
}

const exactEnough: readonly Tolerance[] = [{ kind: 'elements', absolute: 1e-4, relative: 1e-3 }];

const WebFileSchema = v.object({
  url: v.union([v.string(), v.instance(URL)]),
  sha256: v.optional(DigestSchema),
});
const WebModelSchema = v.object({
  name: NameSchema,
  version: v.optional(VersionSchema),
  variants: v.pipe(
    v.array(
      v.object({
        ...WebFileSchema.entries,
        name: NameSchema,
        tolerances: v.optional(v.array(ToleranceSchema)),
      }),
    ),
    v.minLength(1),
  ),
  golden: v.optional(WebFileSchema),
  provider: v.optional(ProviderSchema),
  threads: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
  strict: v.optional(v.boolean()),
  settings: v.optional(ServingSettingsSchema),
  pipeline: v.optional(PipelineSchema),
});

/** Checks what the page says of a model, and gets its files. Errors: INVALID_DOCUMENT, and those of Store.get. */
export async function storedModel(model: WebModel, store: Store): Promise<StoredModel> {
  checkDocument(WebModelSchema, model, 'a model');
  const { settings: _settings, variants, golden, ...declared } = model;
  const names = new Set(variants.map(({ name }) => name));
  if (names.size < variants.length)
    throw new CoveyError('INVALID_DOCUMENT', `model ${model.name} has two variants of one name`);
  const [stored, vectors] = await Promise.all([
    Promise.all(
      variants.map(async ({ name, tolerances = exactEnough, ...file }) => ({
        ...(await store.get(file)),
        name,
        tolerances,
      })),
    ),
    golden && store.get(golden),
  ]);
  const [first, ...others] = stored;
  if (!first) throw new CoveyError('INVALID_DOCUMENT', `model ${model.name} has no variant`);
  const digests = stored.map(({ path: _path, ...variant }) => variant);
  const identity = { ...declared, digests, golden: vectors?.sha256 };
  return {
    model,
    version: model.version ?? '1.0.0',
    bundle: await sha256Of(new TextEncoder().encode(canonicalJson(identity))),
    variants: [first, ...others],
    golden: vectors,
  };
}
