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
  const { results } = await measured(stored, ref, schema, { ...options, strict });
  const chosen = results.find((result) => result.chosen);
  const path = variants.find(({ name }) => name === chosen?.variant)?.path;
  if (!chosen || path === undefined) {
    const reasons = results.map(({ variant, provider, reason }) => `${variant} on ${provider}: ${reason}`);
    const message = `no variant of ${model.name} ${version} is right here: ${reasons.join('; ')}`;
    throw new CoveyError('BUNDLE_INCOMPATIBLE', message);
  }
  const loaded = {
    ref,
    variant: chosen.variant,
    provider: chosen.provider,
    threads: chosen.threads ?? 1,
    ...(strict && { strict }),
    path,
    schema,
    ...(settings && { settings }),
    ...(pipeline && { pipeline }),
    ...(classification && { classification }),
  };
  return { loaded, results };
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
