import { CoveyError, type Manifest, type ModelVersionRef } from '@covey/protocol';
import { verifyBundle } from '../download/index.ts';
import type { Executor, StepContext } from './context.ts';

/** Proves that all bytes on disk are what the authorized manifests of exactly these versions name. A damaged bundle is removed. */
export const verify: Executor<'verify'> = async ({ generation, models }, context, signal) => {
  const counters: Record<string, number> = {};
  for (const ref of models) {
    if (signal.aborted) return null;
    const manifest = await verified(ref, context);
    if (manifest.model !== ref.model || manifest.version !== ref.version) {
      throw new CoveyError(
        'INVALID_DOCUMENT',
        `bundle ${ref.bundle} holds ${manifest.model} ${manifest.version}, wanted was ${ref.model} ${ref.version}`,
      );
    }
    counters[ref.model] = manifest.securityCounter;
  }
  return { kind: 'verified', generation, counters };
};

async function verified(ref: ModelVersionRef, { ports, store }: StepContext): Promise<Manifest> {
  try {
    return await verifyBundle(ports, store, ref.bundle);
  } catch (error) {
    const isDamaged =
      error instanceof CoveyError && ['BUNDLE_CORRUPT', 'DISK_FAILED', 'INTERNAL'].includes(error.code);
    if (!isDamaged) throw error;
    await store.remove(ref.bundle);
    throw new CoveyError('BUNDLE_CORRUPT', error.message, { cause: error });
  }
}
