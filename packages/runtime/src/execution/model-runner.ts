import type { Duplex } from 'node:stream';
import { CoveyError, toCoveyError } from '@covey/protocol';
import type { Session } from '../executor/index.ts';
import { openAnySession } from '../node/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { createChannel } from './channel.ts';
import type { FromRunner, RunnerAnswer, RunnerRequest, ToRunner } from './messages.ts';
import { peakResidentBytes, restartPeak } from './resident.ts';

/** Runs before any is timed: the first allocate memory and page in code. */
const warmUpRuns = 3;

/**
 * The runner's side: loads, runs and times models on the calling thread, as the messages over `socket` ask, one after the
 * other. Every request gets an answer.
 */
export function serveModels(socket: Duplex): void {
  const sessions = new Map<number, Session>();
  let last = Promise.resolve();
  const channel = createChannel<ToRunner, FromRunner>(socket, (message) => {
    last = last.then(async () => channel.send(await answerTo(sessions, message)));
  });
}

async function answerTo(sessions: Map<number, Session>, message: ToRunner): Promise<FromRunner> {
  const { id } = message;
  try {
    return { id, kind: 'done', ...(await carryOut(sessions, message)) };
  } catch (error) {
    return { id, kind: 'failed', error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() };
  }
}

async function carryOut(sessions: Map<number, Session>, request: RunnerRequest): Promise<RunnerAnswer> {
  switch (request.kind) {
    case 'load':
      sessions.set(request.model, await openAnySession(request.path, request.threads));
      return {};
    case 'run':
      return { outputs: await sessionOf(sessions, request.model).run(request.inputs) };
    case 'release':
      await sessions.get(request.model)?.release();
      sessions.delete(request.model);
      return {};
    case 'time':
      return {
        latenciesMs: await timeInTurns(
          request.models.map((model) => sessionOf(sessions, model)),
          request,
        ),
      };
    case 'peak':
      return { peakBytes: await peakOf(request) };
  }
}

function sessionOf(sessions: Map<number, Session>, model: number): Session {
  const session = sessions.get(model);
  if (!session) throw new CoveyError('INTERNAL', `no model ${model} is loaded`);
  return session;
}

interface Turns {
  samples: Tensors[];
  rounds: number;
  limitMs: number;
}

/**
 * One run of each model a round, so that whatever else the machine does disturbs all alike; the order turns and reverses
 * from round to round, because a run finds the caches as the one before left them.
 */
async function timeInTurns(sessions: Session[], { samples, rounds, limitMs }: Turns): Promise<number[][]> {
  for (const session of sessions) await runSome(session, samples, warmUpRuns);
  const latenciesMs = sessions.map((): number[] => []);
  const startedMs = performance.now();
  for (let round = 0; round < rounds && (round === 0 || performance.now() - startedMs < limitMs); round++) {
    const inputs = samples[round % samples.length] ?? {};
    for (const turn of turnsOf(sessions.length, round)) {
      const session = sessions[turn];
      const fromMs = performance.now();
      await session?.run(inputs);
      latenciesMs[turn]?.push(performance.now() - fromMs);
    }
  }
  return latenciesMs;
}

function turnsOf(count: number, round: number): number[] {
  const turns = Array.from({ length: count }, (_, index) => (index + (round >> 1)) % count);
  return round % 2 === 0 ? turns : turns.reverse();
}

async function runSome(session: Session, samples: Tensors[], runs: number): Promise<void> {
  for (let run = 0; run < runs; run++) await session.run(samples[run % samples.length] ?? {});
}

async function peakOf({ path, threads, samples }: Extract<RunnerRequest, { kind: 'peak' }>): Promise<number> {
  const emptyBytes = restartPeak();
  const session = await openAnySession(path, threads);
  await runSome(session, samples, Math.max(warmUpRuns, samples.length));
  const peakBytes = peakResidentBytes() - emptyBytes;
  await session.release();
  return Math.max(0, peakBytes);
}
