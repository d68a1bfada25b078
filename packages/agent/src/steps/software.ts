import { CoveyError, type ModelVersionRef, type ProbeResult, softwareName } from '@covey/protocol';
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
  await software.prepare(ref.bundle, await archiveOf(ref, context), signal);
  return {
    ...{ model, version, variant: 'software', provider: 'cpu', ok: true, chosen: true },
    ...{ reason: 'passed its self test', maxError: null, latencyMs: null, memoryBytes: null },
  };
}

/** Changes what the launcher starts, then ends this process. */
export const switchTo: Executor<'switch'> = async ({ to, isTrial }, context) => {
  await needSoftware(context).start(to, { isTrial });
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

async function archiveOf(ref: ModelVersionRef, { store }: StepContext): Promise<string> {
  const manifest = await store.manifest(ref.bundle);
  const file = manifest.files.find(({ path }) => path === manifest.software);
  if (!file) throw new CoveyError('BUNDLE_INCOMPATIBLE', `${ref.model} ${ref.version} holds no software`);
  return store.filePath(file);
}
