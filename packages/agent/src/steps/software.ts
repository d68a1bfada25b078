import {
  CoveyError,
  type ModelVersionRef,
  type ProbeResult,
  softwareName,
  toCoveyError,
} from '@covey/protocol';
import { verifyBundle } from '../download/index.ts';
import type { Executor, StepContext } from './context.ts';

/** Lays new software out beside the one that runs and has it test itself there. Errors: BUNDLE_INCOMPATIBLE, SOFTWARE_FAILED. */
export async function probeSoftware(
  ref: ModelVersionRef,
  context: StepContext,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { model, version } = ref;
  const software = needSoftware(context);
  if (model !== softwareName(software.platform))
    throw new CoveyError('BUNDLE_INCOMPATIBLE', `${model} does not run on ${software.platform}`);
  await software.prepare(ref.bundle, () => archiveOf(ref.bundle, context), signal);
  return {
    ...{ model, version, variant: 'software', provider: 'cpu', ok: true, chosen: true },
    ...{ reason: 'passed its self test', maxError: null, latencyMs: null, memoryBytes: null },
  };
}

/** Going back must not fail for a disk that is full now, or for an archive that the scrub is about to repair. */
const retryMs = 5_000;

/** Changes what the launcher starts, then ends this process. What cannot be tried is a failure; going back is tried again. */
export const switchTo: Executor<'switch'> = async ({ to, isTrial }, context, signal) => {
  const software = needSoftware(context);
  while (!signal.aborted) {
    try {
      if (to !== null) await software.layOut(to, () => archiveOf(to, context));
      await software.start(to, { isTrial });
      return null;
    } catch (error) {
      const { code, message } = toCoveyError(error);
      if (isTrial || !['DISK_FULL', 'DISK_FAILED', 'BUNDLE_CORRUPT'].includes(code)) throw error;
      context.ports.log.write('error', `switch: ${message}`, { code });
      await new Promise<void>((resolve) => context.ports.clock.setTimer(retryMs, resolve));
    }
  }
  return null;
};

export const confirm: Executor<'confirm'> = async (_step, context) => {
  await needSoftware(context).confirm();
  return null;
};

function needSoftware({ software }: StepContext) {
  if (software) return software;
  throw new CoveyError(
    'BUNDLE_INCOMPATIBLE',
    'this agent was not started by its launcher and cannot change its own software',
  );
}

/** Verified: what is unpacked from damaged bytes would be whole by its own digests. */
async function archiveOf(bundle: string, { ports, store }: StepContext): Promise<string> {
  const manifest = await verifyBundle(ports, store, bundle);
  const file = manifest.files.find(({ path }) => path === manifest.software);
  if (!file)
    throw new CoveyError('BUNDLE_INCOMPATIBLE', `${manifest.model} ${manifest.version} holds no software`);
  return store.filePath(file);
}
