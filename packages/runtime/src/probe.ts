import { type ProbeAnswer, type ProbeJob, toCoveyError } from '@covey/protocol';
import { probe } from './probe/index.ts';

/** Entry of the probe process: one job in, one answer out. What crashes here has harmed nothing. */
process.once('message', async (job: ProbeJob) => {
  const answer: ProbeAnswer = await probe(job).then(
    (results) => ({ type: 'verdict', results }),
    (error) => ({ type: 'failed', error: toCoveyError(error).toJSON() }),
  );
  process.send?.(answer, undefined, {}, () => process.disconnect?.());
});
// Without the agent nobody reads the verdict.
process.once('disconnect', () => process.exit());
// Ctrl-C reaches the whole group of a terminal; what it means is the agent's decision.
process.on('SIGINT', () => {});
