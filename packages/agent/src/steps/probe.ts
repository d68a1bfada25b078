import { CoveyError, type ProbeAnswer, type ProbeJob } from '@covey/protocol';
import { probeCandidate } from '../bundles/index.ts';
import type { UpdateEvent } from '../update/index.ts';
import type { Executor, StepContext } from './context.ts';

const timedRuns = 20;
/** JavaScript memory of the probe; tensors and sessions lie outside it and the kernel ends the probe first. */
const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size', '--max-old-space-size=512'];

/** Runs the candidates in a process that may die of them. Its time is bounded by the update machine, which cancels. */
export const probe: Executor<'probe'> = async ({ generation, candidates }, context, signal) => {
  const job: ProbeJob = {
    type: 'probe',
    runs: timedRuns,
    candidates: await Promise.all(
      candidates.map(({ ref, variant }) => probeCandidate(context.store, ref, variant)),
    ),
  };
  const answer = await runProbe(job, context, signal);
  if (answer.type === 'verdict') return { kind: 'probed', generation, results: answer.results };
  return crashed(generation, answer.message);
};

type Outcome = (ProbeAnswer & { type: 'verdict' }) | { type: 'crashed'; message: string };

function crashed(generation: number, message: string): UpdateEvent {
  return { kind: 'failed', generation, code: 'PROBE_CRASHED', message, jitter: 0, progressed: false };
}

function runProbe(job: ProbeJob, { ports, probeModule }: StepContext, signal: AbortSignal): Promise<Outcome> {
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
