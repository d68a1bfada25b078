import { unloadedReason } from './report/index.ts';
import type { SupervisorHandlers } from './runtime/index.ts';
import type { UpdateEvent } from './update/index.ts';

interface ServingSinks extends Pick<SupervisorHandlers, 'metrics' | 'summary' | 'changed'> {
  dispatch(event: UpdateEvent): void;
  event(kind: string, message: string): void;
}

/** What the runtime shows of what it serves, as events of the update and for the controller. */
export function servingHandlers({ dispatch, event, ...others }: ServingSinks): SupervisorHandlers {
  return {
    ...others,
    applied: ({ of, generation }) =>
      dispatch(of === 'candidate' ? { kind: 'candidateApplied', generation } : { kind: 'committedApplied' }),
    applyFailed: ({ of, generation }, { code, message }) => {
      if (of === 'committed') event('serving-failed', `${code}: ${message}`);
      else dispatch({ kind: 'failed', generation, code, message, jitter: 0, progressed: false });
    },
    evidence: ({ generation }, evidence) => dispatch({ kind: 'evidence', generation, evidence }),
    died: (message, bundles) => {
      event('runtime-died', message);
      dispatch({ kind: 'runtimeDied', bundles });
    },
    quarantined: ({ bundle }, message) => {
      event('model-quarantined', message);
      dispatch({ kind: 'quarantined', bundle, message });
    },
    shadowed: (message) => event('shadow', message),
    unloaded: (refs) => {
      if (refs.length > 0) event('model-unloaded', unloadedReason(refs).message);
      others.changed();
    },
  };
}
