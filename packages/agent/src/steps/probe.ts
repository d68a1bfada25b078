import type { Ports } from '@covey/ports';
import {
  CoveyError,
  type Measured,
  type ModelVersionRef,
  type ProbeAnswer,
  type ProbeJob,
} from '@covey/protocol';
import { probeCandidate } from '../bundles/index.ts';
import type { Step } from '../plan/index.ts';
import type { UpdateEvent } from '../update/index.ts';
import type { Executor, StepContext } from './context.ts';
import { type MeasuredBundles, readMeasured, rememberMeasured } from './measured.ts';
import { heldBack } from './passage.ts';
import { probeSoftware } from './software.ts';

/** For each model: with the start of the process below 10 s, where the machine does not do much else. */
export const limitMs = 8_000;
/** JavaScript memory of the probe; tensors and sessions lie outside it and the kernel ends the probe first. */
const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size', '--max-old-space-size=512'];

/**
 * Runs the candidates in a process that may die of them, with what was measured of them before. Its time is bounded by the
 * update machine, which cancels.
 */
export const probe: Executor<'probe'> = async ({ generation, candidates, software }, context, signal) => {
  // A replay judges what serves already; a candidate that may not replace it now is not even looked at.
  const isCandidate = candidates.every(({ variant }) => variant === null);
  const held = isCandidate ? await heldBack(context, generation) : null;
  if (held) return held;
  const tested = software === null ? [] : [await probeSoftware(software, context, signal)];
  const answer = await measure(candidates, context, signal);
  if (answer.type !== 'verdict') return crashed(generation, answer.message);
  context.providers.probed(answer);
  // One variant alone tells nothing of the choice between them.
  const whole = candidates.filter(({ variant }) => variant === null).map(({ ref }) => ref);
  await remember(answer, whole, context);
  // It took its time, and what was measured is remembered.
  const heldSince = isCandidate ? await heldBack(context, generation) : null;
  if (heldSince) return heldSince;
  return { kind: 'probed', generation, results: [...tested, ...answer.results] };
};

async function measure(
  candidates: (Step & { kind: 'probe' })['candidates'],
  context: StepContext,
  signal: AbortSignal,
): Promise<Outcome> {
  // Nothing but software is new.
  if (candidates.length === 0) return { type: 'verdict', hardware: '', results: [] };
  const known = await recall(context);
  const job: ProbeJob = {
    type: 'probe',
    limitMs,
    candidates: await Promise.all(
      candidates.map(async ({ ref, variant }) => {
        const measured = known[ref.bundle];
        return { ...(await probeCandidate(context.store, ref, variant)), ...(measured && { measured }) };
      }),
    ),
  };
  return runProbe(job, context, signal);
}

/** A device that cannot remember measures again: no reason to fail. */
function recall({ ports, stateFolder }: StepContext): Promise<MeasuredBundles> {
  return readMeasured(ports.disk, stateFolder).catch((error: Error) => {
    ports.log.write('warn', `what was measured before cannot be read: ${error.message}`);
    return {};
  });
}

async function remember(
  { hardware, results }: Measured,
  refs: readonly ModelVersionRef[],
  { ports, stateFolder }: StepContext,
): Promise<void> {
  const found = refs.flatMap(({ model, version, bundle }): [string, Measured][] => {
    const own = results.filter((result) => result.model === model && result.version === version);
    return own.some(({ chosen }) => chosen) ? [[bundle, { hardware, results: own }]] : [];
  });
  if (found.length === 0) return;
  await rememberMeasured(ports.disk, stateFolder, Object.fromEntries(found)).catch((error: Error) =>
    ports.log.write('warn', `what the probe measured was not kept: ${error.message}`),
  );
}

type Outcome = (ProbeAnswer & { type: 'verdict' }) | { type: 'crashed'; message: string };

function crashed(generation: number, message: string): UpdateEvent {
  return { kind: 'failed', generation, code: 'PROBE_CRASHED', message, jitter: 0, progressed: false };
}

/** Errors: those that the probe answers with, such as a job that it cannot read. */
export function runProbe(
  job: ProbeJob,
  { ports, probeModule }: Pick<StepContext, 'probeModule'> & { ports: Pick<Ports, 'processes' | 'log'> },
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let lastErrorLine = '';
    const child = ports.processes.start({
      module: probeModule,
      nodeFlags,
      firstToDie: true,
      onErrorLine: (line) => {
        lastErrorLine = line;
        ports.log.write('debug', 'probe', { line });
      },
      onMessage: (message) => {
        const answer = message as ProbeAnswer;
        if (answer.type === 'verdict') resolve(answer);
        else reject(new CoveyError(answer.error.code, answer.error.message));
      },
      // After an answer this settles nothing: the promise has its outcome.
      onExit: ({ code, signal: killedBy }) =>
        resolve({
          type: 'crashed',
          message: `the probe ended with ${killedBy ?? `code ${code}`} and no verdict: ${lastErrorLine}`,
        }),
    });
    signal.addEventListener('abort', () => child.kill('SIGKILL'));
    child.send(job);
  });
}
