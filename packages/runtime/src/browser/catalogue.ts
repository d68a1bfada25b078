import type { LoadedModel, ProbeResult } from '@covey/protocol';
import type { Loader } from '../program/index.ts';
import { type Choice, type ChoiceOptions, choose } from './choose.ts';
import { type StoredModel, storedModel, type WebModel } from './model.ts';
import type { Store } from './store.ts';

/** The versions that a page has open: their files, and how each is run. */
export class Catalogue implements Loader<WebModel> {
  readonly #store: Store;
  readonly #options: ChoiceOptions;
  /** By bundle: of what is open, and of what is being opened. */
  readonly #known = new Map<string, { stored: StoredModel; choice: Choice }>();

  constructor(store: Store, options: ChoiceOptions) {
    this.#store = store;
    this.#options = options;
  }

  async load(models: readonly WebModel[]): Promise<LoadedModel[]> {
    const stored = await Promise.all(models.map((model) => storedModel(model, this.#store)));
    const loaded: LoadedModel[] = [];
    // One after the other: they would measure each other.
    for (const [index, one] of stored.entries()) loaded.push(await this.#loaded(one, index + 1));
    return loaded;
  }

  opened(models: readonly LoadedModel[]): void {
    const bundles = new Set(models.map(({ ref }) => ref.bundle));
    const paths = new Set<string>();
    for (const [bundle, { stored }] of this.#known) {
      if (!bundles.has(bundle)) this.#known.delete(bundle);
      else for (const { path } of stored.variants) paths.add(path);
    }
    this.#store.keep(paths);
  }

  /** What was measured of what is open. */
  choices(): ProbeResult[] {
    return [...this.#known.values()].flatMap(({ choice }) => choice.results);
  }

  async #loaded(stored: StoredModel, number: number): Promise<LoadedModel> {
    const { model, version, bundle } = stored;
    const ref = { model: model.name, version, number, bundle };
    const choice = this.#known.get(bundle)?.choice ?? (await choose(stored, ref, this.#options));
    this.#known.set(bundle, { stored, choice });
    const { results: _results, ...way } = choice;
    const { strict = false, settings, pipeline, classification } = model;
    return {
      ref,
      ...way,
      ...(strict && { strict }),
      ...(settings && { settings }),
      ...(pipeline && { pipeline }),
      ...(classification && { classification }),
    };
  }
}
