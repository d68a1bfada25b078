import {
  canonicalJson,
  type DeviceRoute,
  isSoftware,
  type ModelVersionRef,
  versionsNamed,
} from '@covey/protocol';
import {
  type Choice,
  candidateOf,
  comparedModels,
  isSettled,
  pinnedBundles,
  type Update,
  wantedSoftware,
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
      /** Versions before that routes of the device name: loaded too, unless that fails. */
      beside: Choice[];
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
      /** The agent's own software, where it is new. */
      software: ModelVersionRef | null;
    }
  /** Starts the agent anew from other software of its own; `to` null: what the device was installed with. */
  | { kind: 'switch'; key: string; generation: number; to: string | null; isTrial: boolean }
  /** Makes the software that runs the one that always starts. */
  | { kind: 'confirm'; key: string }
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
  /** The agent's software that runs, and whether it is settled that it starts again; null: this agent cannot change its own. */
  software: { running: string | null; isConfirmed: boolean } | null;
}

/** Compares what is wanted with what is; `routes` are those of the device's settings. Empty when nothing is to be done. */
export function plan(update: Update, observed: Observed, routes: readonly DeviceRoute[] = []): Step[] {
  const isElsewhere = observed.software !== null && observed.software.running !== wantedSoftware(update);
  const serve = serveStep(update, isElsewhere, routes);
  const steps: Step[] = serve.key === observed.serving ? [] : [serve];
  const work = isElsewhere
    ? switchStep(update)
    : (confirmStep(update, observed) ?? workStep(update, observed.bundles));
  if (observed.work?.isRunning) {
    if (observed.work.key !== work?.key) steps.push({ kind: 'cancel', key: observed.work.key });
  } else if (work && work.key !== observed.work?.key) {
    steps.push(work);
  }
  return steps;
}

function isTried({ state }: Update): boolean {
  return state === 'activating' || state === 'soaking';
}

/** A candidate serves from its own software alone; until that runs, the committed release does. */
function serveStep(
  update: Update,
  isElsewhere: boolean,
  routes: readonly DeviceRoute[],
): Step & { kind: 'serve' } {
  const isCandidate = isTried(update) && !isElsewhere;
  const chosen = (isCandidate ? update.choices : update.committed?.choices) ?? [];
  const choices = chosen.filter(({ ref }) => !isSoftware(ref.model));
  const mirror = isCandidate ? comparedModels(update) : [];
  // A candidate proves itself on all requests; what is on the disk for the way back may answer some afterwards.
  const beside = isCandidate ? [] : besideOf(update, routes);
  const of = isCandidate ? 'candidate' : 'committed';
  const generation = update.desired?.generation ?? 0;
  const content = canonicalJson({ choices, beside, mirror, isCandidate });
  const key = `serve/${of}/${generation}/${content}`;
  const maxLatencyRatio = isCandidate ? update.desired?.soak.maxLatencyRatio : undefined;
  return {
    ...{ kind: 'serve', key, content, of, generation, choices, beside, mirror },
    ...(maxLatencyRatio !== undefined && { maxLatencyRatio }),
  };
}

function besideOf({ committed, previous }: Update, routes: readonly DeviceRoute[]): Choice[] {
  const isServed = ({ ref }: Choice) =>
    committed?.choices.some((own) => own.ref.model === ref.model && own.ref.version !== ref.version);
  const isNamed = ({ ref }: Choice) =>
    routes.some((route) => route.model === ref.model && versionsNamed(route).includes(ref.version));
  return (previous?.choices ?? []).filter((choice) => isServed(choice) && isNamed(choice));
}

function switchStep(update: Update): Step {
  const to = wantedSoftware(update);
  const generation = update.desired?.generation ?? 0;
  const isTrial = isTried(update);
  const key = `switch/${generation}/${to}/${isTrial}`;
  return { kind: 'switch', key, generation, to, isTrial };
}

function confirmStep(update: Update, { software }: Observed): Step | undefined {
  if (software === null || software.isConfirmed || !isSettled(update)) return undefined;
  return { kind: 'confirm', key: `confirm/${update.desired?.generation ?? 0}/${software.running}` };
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
      const candidates = changed
        .filter(({ model }) => !isSoftware(model))
        .map((ref) => ({ ref, variant: null }));
      const software = changed.find(({ model }) => isSoftware(model)) ?? null;
      return { kind: 'probe', key: key('probe'), generation, candidates, software };
    }
    case 'soaking': {
      if (!update.isReplaying) return undefined;
      const candidates = (update.choices ?? []).filter(({ ref }) => !isSoftware(ref.model));
      return { kind: 'probe', key: key('probe'), generation, candidates, software: null };
    }
    default:
      return undefined;
  }
}

/** Only what nothing pins may go; nothing before there is an order: a ledger that was lost names none of what is asked for next. */
function collectStep(update: Update, bundles: readonly string[]): Step | undefined {
  if (!update.desired) return undefined;
  const kept = pinnedBundles(update);
  const remove = bundles.filter((digest) => !kept.has(digest));
  return remove.length === 0 ? undefined : { kind: 'collect', key: `collect/${remove.join()}`, remove };
}
