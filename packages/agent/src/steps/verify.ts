import { CoveyError, checkDependencies, type Manifest } from '@covey/protocol';
import { verifyBundle } from '../download/index.ts';
import type { Executor } from './context.ts';
import { heldBack } from './passage.ts';

/**
 * Proves that all bytes on disk are what the authorized manifests of exactly these versions name, and that the release
 * holds what each of them depends on. What is damaged is repaired by the next download.
 */
export const verify: Executor<'verify'> = async ({ generation, models }, context, signal) => {
  const held = await heldBack(context, generation);
  if (held) return held;
  const counters: Record<string, number> = {};
  const manifests: Manifest[] = [];
  for (const ref of models) {
    if (signal.aborted) return null;
    const manifest = await verifyBundle(context.ports, context.store, ref.bundle);
    if (manifest.model !== ref.model || manifest.version !== ref.version) {
      throw new CoveyError(
        'INVALID_DOCUMENT',
        `bundle ${ref.bundle} holds ${manifest.model} ${manifest.version}, wanted was ${ref.model} ${ref.version}`,
      );
    }
    counters[ref.model] = manifest.securityCounter;
    manifests.push(manifest);
  }
  checkDependencies(manifests);
  return { kind: 'verified', generation, counters };
};
