import { loadedModel } from '../bundles/index.ts';
import type { Executor } from './context.ts';

/** Tells the supervisor what the runtime shall serve; what comes of it, now and after every restart, the supervisor says. */
export const serve: Executor<'serve'> = async (
  { content, of, generation, choices, beside, mirror, maxLatencyRatio },
  context,
) => {
  const load = (wanted: typeof choices) =>
    Promise.all(wanted.map((choice) => loadedModel(context.store, choice)));
  context.supervisor.serve({
    content,
    of,
    generation,
    ...(maxLatencyRatio !== undefined && { maxLatencyRatio }),
    load: async (isPlain) => ({
      models: await load(choices),
      beside: isPlain ? [] : await load(beside),
      mirror: await load(mirror),
    }),
  });
  return null;
};
