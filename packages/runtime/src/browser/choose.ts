import {
  CoveyError,
  type LoadedModel,
  type Measured,
  type ModelSchema,
  type ModelVersionRef,
  type ProbeCandidate,
  type ProbeResult,
  toCoveyError,
} from '@covey/protocol';
import { readSchema } from '../executor/index.ts';
import { probe } from '../probe/index.ts';
import { rememberChoice, rememberedChoice } from './choices.ts';
import { type LaboratoryOptions, webLaboratory } from './laboratory.ts';
import type { StoredModel } from './model.ts';

interface ChoiceOptions extends Omit<LaboratoryOptions, 'strict'> {
  /** Time for the measurements. */
  limitMs: number;
}

/** A version made ready to load, and what was measured of it. */
export interface Chosen {
  loaded: LoadedModel;
  results: ProbeResult[];
}

/**
 * The fastest of what is right here, as it was measured now or before. `number` tells versions apart.
 * Errors: BUNDLE_INCOMPATIBLE when nothing is right, and those of readSchema.
 */
export async function choose(stored: StoredModel, number: number, options: ChoiceOptions): Promise<Chosen> {
  const { model, version, bundle, variants } = stored;
  const [first] = variants;
  if (!first) throw new CoveyError('INVALID_DOCUMENT', `model ${model.name} has no variant`);
  const { strict = false, settings, pipeline, classification } = model;
  const schema = await readSchema(options.platform.startThread, first.path);
  const ref = { model: model.name, version, number, bundle };
  const ways = await waysOf(stored, ref, schema, { ...options, strict });
  const loaded = {
    ref,
    ...ways.chosen,
    ...(strict && { strict }),
    schema,
    ...(settings && { settings }),
    ...(pipeline && { pipeline }),
    ...(classification && { classification }),
  };
  return { loaded, results: ways.results };
}

interface Ways {
  chosen: Pick<LoadedModel, 'variant' | 'path' | 'provider' | 'threads'>;
  results: ProbeResult[];
}

async function waysOf(
  stored: StoredModel,
  ref: ModelVersionRef,
  schema: ModelSchema,
  options: LaboratoryOptions & ChoiceOptions,
): Promise<Ways> {
  const { variants } = stored;
  const { provider, threads } = stored.model;
  const pathOf = (variant: string) => variants.find(({ name }) => name === variant)?.path ?? '';
  if (provider !== undefined || threads !== undefined) {
    const [{ name: variant } = { name: '' }] = variants;
    const chosen = { variant, path: pathOf(variant), provider: provider ?? 'cpu', threads: threads ?? 1 };
    return { chosen, results: [] };
  }
  const { results } = await measured(stored, ref, schema, options);
  const best = results.find((result) => result.chosen);
  if (best) {
    const { variant } = best;
    const chosen = { variant, path: pathOf(variant), provider: best.provider, threads: best.threads ?? 1 };
    return { chosen, results };
  }
  const reasons = results.map(({ variant, provider, reason }) => `${variant} on ${provider}: ${reason}`);
  const message = `no variant of ${ref.model} ${ref.version} is right here: ${reasons.join('; ')}`;
  throw new CoveyError('BUNDLE_INCOMPATIBLE', message);
}

async function measured(
  { bundle, variants, golden }: StoredModel,
  ref: ModelVersionRef,
  schema: ModelSchema,
  options: LaboratoryOptions & ChoiceOptions,
): Promise<Measured> {
  const before = await rememberedChoice(bundle);
  const candidate: ProbeCandidate = {
    ref,
    schema,
    variants,
    ...(golden && { goldenPath: golden.path }),
    ...(before && { measured: before }),
  };
  const found = await probe({ candidates: [candidate], limitMs: options.limitMs }, webLaboratory(options));
  await rememberChoice(bundle, found).catch((error: unknown) => {
    const { code, message } = toCoveyError(error, 'UNSUPPORTED');
    options.log.write('warn', `what was measured of ${ref.model} is not kept: ${message}`, { code });
  });
  return found;
}
