import { canonicalJson, type ModelVersionRef } from '@covey/protocol';
import {
  type Choice,
  candidateOf,
  comparedModels,
  isSettled,
  pinnedBundles,
  type Update,
} from '../update/index.ts';

/** What shall be done next, with no choices left. `key` is equal for equal work, so that it is done once. */
export type Step =
  | {
      kind: 'serve';
      key: string;
      /** Equal for equal models and mirror, whatever release they belong to. */
      content: string;
      of: 'candidate' | 'committed';
      generation: number;
      choices: Choice[];
      /** Versions that stay loaded to be compared with. */
      mirror: Choice[];
      /** Of a candidate, where its policy has one. */
      maxLatencyRatio?: number;
    }
  | { kind: 'download'; key: string; generation: number; models: ModelVersionRef[] }
  | { kind: 'verify'; key: string; generation: number; models: ModelVersionRef[] }
  | {
      kind: 'probe';
      key: string;
      generation: number;
      /** `variant` null: all there are. */
      candidates: { ref: ModelVersionRef; variant: string | null }[];
    }
  /** Removes the bundles that nothing names. */
  | { kind: 'collect'; key: string; remove: string[] }
  /** Ends the work under way. */
  | { kind: 'cancel'; key: string };
export type StepKind = Step['kind'];

/** What is, as far as the plan depends on it. */
export interface Observed {
  /** Key of what the runtime was last told to serve; null: nothing yet. */
  serving: string | null;
  /** The one piece of work under way, or just ended. */
  work: { key: string; isRunning: boolean } | null;
  /** Digests of bundles on disk. */
  bundles: readonly string[];
}

/** Compares what is wanted with what is. Empty when nothing is to be done. */
export function plan(update: Update, observed: Observed): Step[] {
  const serve = serveStep(update);
  const steps: Step[] = serve.key === observed.serving ? [] : [serve];
  const work = workStep(update, observed.bundles);
  if (observed.work?.isRunning) {
    if (observed.work.key !== work?.key) steps.push({ kind: 'cancel', key: observed.work.key });
  } else if (work && work.key !== observed.work?.key) {
    steps.push(work);
  }
  return steps;
}

function serveStep(update: Update): Step & { kind: 'serve' } {
  const isCandidate = update.state === 'activating' || update.state === 'soaking';
  const choices = (isCandidate ? update.choices : update.committed?.choices) ?? [];
  const mirror = isCandidate ? comparedModels(update) : [];
  const of = isCandidate ? 'candidate' : 'committed';
  const generation = update.desired?.generation ?? 0;
  const content = canonicalJson({ choices, mirror, isCandidate });
  const key = `serve/${of}/${generation}/${content}`;
  const maxLatencyRatio = isCandidate ? update.desired?.soak.maxLatencyRatio : undefined;
  return {
    ...{ kind: 'serve', key, content, of, generation, choices, mirror },
    ...(maxLatencyRatio !== undefined && { maxLatencyRatio }),
  };
}

function workStep(update: Update, bundles: readonly string[]): Step | undefined {
  const candidate = candidateOf(update);
  if (!candidate) return isSettled(update) ? collectStep(update, bundles) : undefined;
  const generation = update.desired?.generation ?? 0;
  const key = (kind: StepKind) => `${kind}/${generation}/${update.attempts}/${update.isReplaying}`;
  const { models } = candidate;
  switch (update.state) {
    case 'downloading':
      return update.retryAt === null
        ? { kind: 'download', key: key('download'), generation, models }
        : undefined;
    case 'verifying':
      return { kind: 'verify', key: key('verify'), generation, models };
    case 'probing': {
      const committed = new Set(update.committed?.release.models.map((ref) => ref.bundle));
      const changed = models.filter((ref) => !committed.has(ref.bundle));
      const candidates = changed.map((ref) => ({ ref, variant: null }));
      return { kind: 'probe', key: key('probe'), generation, candidates };
    }
    case 'soaking':
      return update.isReplaying
        ? { kind: 'probe', key: key('probe'), generation, candidates: update.choices ?? [] }
        : undefined;
    default:
      return undefined;
  }
}

/** Only what nothing pins may go. */
function collectStep(update: Update, bundles: readonly string[]): Step | undefined {
  const kept = pinnedBundles(update);
  const remove = bundles.filter((digest) => !kept.has(digest));
  return remove.length === 0 ? undefined : { kind: 'collect', key: `collect/${remove.join()}`, remove };
}
