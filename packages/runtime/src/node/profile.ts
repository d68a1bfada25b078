import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoveyError } from '@covey/protocol';
import {
  operatorTimes,
  type Profile,
  type ProfileModel,
  type ProfileOrder,
  type TraceEvent,
  warmUp,
  zeros,
} from '../executor/index.ts';
import { openExactly } from './sessions.ts';
import { Throwaway } from './throwaway.ts';

/** Asked of a throwaway process. */
export interface ProfileRequest extends ProfileOrder {
  type: 'profile';
}

/** ONNX Runtime writes some 200 bytes a node and run. */
const runsAtMost = 200;
/** Loading and warming, besides the runs. */
const extraMs = 60_000;

/**
 * Runs a model with ONNX Runtime's profiling in a process of its own, of lower priority than what serves, for `durationMs` or 200
 * runs. Errors: those of openExactly, INFERENCE_FAILED, RUNTIME_DIED, DEADLINE_EXCEEDED.
 */
export const profileModel: ProfileModel = async (order) => {
  const child = new Throwaway();
  try {
    return await child.ask<Profile>({ type: 'profile', ...order }, order.durationMs + extraMs);
  } finally {
    await child.close();
  }
};

/** The throwaway process's side. */
export async function runProfile(request: ProfileRequest): Promise<Profile> {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const { path, schema, samples, durationMs } = request;
  const inputs = samples.length > 0 ? samples : [zeros(schema)];
  // Not in the profile: what the first runs do once.
  const warm = await openExactly(path, schema, request);
  await warmUp((tensors) => warm.run(tensors), schema);
  await warm.release();
  const folder = await mkdtemp(join(tmpdir(), 'covey-profile-'));
  try {
    const session = await openExactly(path, schema, { ...request, profilePrefix: join(folder, 'profile') });
    const startedMs = performance.now();
    let runs = 0;
    do {
      await session.run(inputs[runs % inputs.length] ?? {});
      runs++;
    } while (runs < runsAtMost && performance.now() - startedMs < durationMs);
    const meanRunMs = (performance.now() - startedMs) / runs;
    // It writes the rest of the file when it ends.
    await session.release();
    const [name] = await readdir(folder);
    if (name === undefined) throw new CoveyError('INTERNAL', 'ONNX Runtime has written no profile');
    const trace = await readFile(join(folder, name), 'utf8');
    return { runs, meanRunMs, operators: operatorTimes(JSON.parse(trace) as TraceEvent[]), trace };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
