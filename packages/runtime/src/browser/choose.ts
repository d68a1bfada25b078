import {
  CoveyError,
  type LoadedModel,
  type ModelSchema,
  type ModelVersionRef,
  type ProbeCandidate,
  type ProbeResult,
  toCoveyError,
} from '@covey/protocol';
import { readSchema } from '../executor/index.ts';
import { probe } from '../probe/index.ts';
import { type LaboratoryOptions, webLaboratory } from './laboratory.ts';
import type { StoredModel } from './model.ts';
import { type Notes, readNotes, writeNotes } from './notes.ts';

export interface ChoiceOptions extends Omit<LaboratoryOptions, 'strict'> {
  /** Time for the measurements. */
  limitMs: number;
}

/** How a version is run, and why. */
export interface Choice extends Pick<LoadedModel, 'schema' | 'variant' | 'path' | 'provider' | 'threads'> {
  /** What was measured, now or before; empty where nothing was. */
  results: ProbeResult[];
}

/**
 * As the page says, or the fastest of what is right here. Errors: BUNDLE_INCOMPATIBLE when nothing is right, and those of
 * readSchema.
 */
export async function choose(
  stored: StoredModel,
  ref: ModelVersionRef,
  options: ChoiceOptions,
): Promise<Choice> {
  const { model, bundle, variants, golden } = stored;
  const [first] = variants;
  const before = await readNotes(bundle);
  const schema = before?.schema ?? (await readSchema(options.platform.startThread, first.path));
  const { provider = 'cpu', threads = 1 } = model;
  const isSaid = model.provider !== undefined || model.threads !== undefined;
  const notes: Notes = { schema };
  let chosen: Choice = { schema, variant: first.name, path: first.path, provider, threads, results: [] };
  if (!isSaid && golden) {
    const candidate = candidateOf(stored, ref, schema, before);
    const laboratory = webLaboratory({ ...options, strict: model.strict ?? false });
    notes.measured = await probe({ candidates: [candidate], limitMs: options.limitMs }, laboratory);
    chosen = { schema, ...bestOf(stored, notes.measured.results), results: notes.measured.results };
  }
  await writeNotes(bundle, notes).catch((error: unknown) => {
    const { code, message } = toCoveyError(error, 'UNSUPPORTED');
    options.log.write('warn', `what was found out about ${model.name} is not kept: ${message}`, { code });
  });
  return chosen;
}

function candidateOf(
  { variants, golden }: StoredModel,
  ref: ModelVersionRef,
  schema: ModelSchema,
  before: Notes | undefined,
): ProbeCandidate {
  const candidate: ProbeCandidate = { ref, schema, variants: [...variants] };
  if (golden) candidate.goldenPath = golden.path;
  // As it was written here: what is absent of a result is not there.
  if (before?.measured) candidate.measured = before.measured as NonNullable<ProbeCandidate['measured']>;
  return candidate;
}

function bestOf(
  { model, version, variants }: StoredModel,
  results: readonly ProbeResult[],
): Pick<Choice, 'variant' | 'path' | 'provider' | 'threads'> {
  const best = results.find(({ chosen }) => chosen);
  const found = variants.find(({ name }) => name === best?.variant);
  if (best && found) {
    return { variant: found.name, path: found.path, provider: best.provider, threads: best.threads ?? 1 };
  }
  const reasons = results.map(({ variant, provider, reason }) => `${variant} on ${provider}: ${reason}`);
  const message = `no variant of ${model.name} ${version} is right here: ${reasons.join('; ')}`;
  throw new CoveyError('BUNDLE_INCOMPATIBLE', message);
}
