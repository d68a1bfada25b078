import type { Clock, Fetch, Log } from '@covey/ports';
import type { RuntimeToAgent } from '@covey/protocol';
import { type ProfileModel, type StartExecutor, threadExecutors } from '../executor/index.ts';
import { createMirror, createShadows } from '../mirror/index.ts';
import { createModels, type Serving, unloadedOf } from '../models/index.ts';
import { createStepThreads } from '../pipeline/index.ts';
import type { Platform } from '../platform/index.ts';
import type { RunRecord } from '../record/index.ts';
import { createCascades } from '../routing/index.ts';
import { createTurnstile } from '../scheduler/index.ts';
import { type Engine, ModelEngine } from './engine.ts';
import { createObserver, type ObserverOptions } from './observer.ts';

export interface EngineOptions extends ObserverOptions {
  platform: Platform;
  clock: Clock;
  log: Log;
  /** Asks models elsewhere, and sends traces. */
  fetch: Fetch;
  /** Units of named resources that all models share; of what is not named there is what the neediest model takes. */
  resources?: Record<string, number>;
  /** Where models run; in a thread each, where it is left out. */
  startExecutor?: StartExecutor;
  /** Longest time one inference may take before its thread is given up; a minute where it is left out. */
  runTimeoutMs?: number;
  /** Where it is noted which models run, for who looks after a death; undefined where nobody would. */
  record?: RunRecord | undefined;
  /** Left out where models cannot be profiled. */
  profileModel?: ProfileModel;
  /** Evidence, metrics, summaries, and what cannot be helped from inside the process. */
  send: (
    message: Extract<
      RuntimeToAgent,
      { type: 'mirror' | 'shadow' | 'metrics' | 'summary' | 'hung' | 'unloaded' }
    >,
  ) => void;
}

/** Threads that decode pictures and do other steps of pipelines; they are started when they are needed. */
const mostStepThreads = 4;

export function createEngine(options: EngineOptions): Engine {
  const { platform, clock, log, fetch, send, resources, record, runTimeoutMs = 60_000 } = options;
  const { cores, startThread } = platform;
  const mirrorLog = log.component('mirror');
  const observer = createObserver(options, {
    clock,
    log,
    fetch,
    process: platform.process,
    onMetrics: (metrics) => send({ type: 'metrics', metrics }),
    onSummary: (summary) => send({ type: 'summary', summary }),
  });
  const tellUnloaded = unloadedTeller(send);
  const models = createModels({
    clock,
    log: log.component('models'),
    platform,
    startExecutor: options.startExecutor ?? threadExecutors(platform),
    runTimeoutMs,
    turnstile: createTurnstile({ clock, cores, ...(resources && { resources }) }),
    record,
    onHung: (ref) => send({ type: 'hung', ref }),
    onSwitch: (serving) => {
      engine.switched(serving);
      tellUnloaded(serving);
    },
    whenAnswered: () => engine.whenAnswered(),
    onRelease: (instance) => observer.release(instance),
  });
  const engine = new ModelEngine({
    clock,
    log,
    mirror: createMirror(clock, mirrorLog, send),
    shadows: createShadows(clock, mirrorLog, send),
    cascades: createCascades({ clock, log: log.component('cascade'), fetch, files: platform.files }),
    threads: createStepThreads({ clock, startThread, threads: Math.min(mostStepThreads, cores) }),
    observer,
    models,
    nextTurn: platform.nextTurn,
    profileModel: options.profileModel,
  });
  return engine;
}

/** Says what was unloaded by hand, and when nothing is any more. */
function unloadedTeller(send: EngineOptions['send']): (serving: Serving) => void {
  let told = 0;
  return (serving) => {
    const refs = unloadedOf(serving);
    if (refs.length > 0 || told > 0) send({ type: 'unloaded', refs });
    told = refs.length;
  };
}
