import type { Route } from '@covey/protocol';
import { type CascadeOptions, type CascadeRunner, createCascade } from './cascade.ts';

/** The cascades of all routes. */
export interface Cascades {
  /** What a plan says: a cascade that is as it was keeps what it has spent and what it knows of the cloud. */
  begin(routes: readonly Route[]): void;
  of(model: string): CascadeRunner | undefined;
}

export function createCascades(options: CascadeOptions): Cascades {
  let current = new Map<string, { policy: string; runner: CascadeRunner }>();
  return {
    begin: (routes) => {
      const next: typeof current = new Map();
      for (const { model, cascade } of routes) {
        if (!cascade) continue;
        const policy = JSON.stringify(cascade);
        const before = current.get(model);
        const runner = before?.policy === policy ? before.runner : createCascade(cascade, options);
        next.set(model, { policy, runner });
      }
      current = next;
    },
    of: (model) => current.get(model)?.runner,
  };
}
