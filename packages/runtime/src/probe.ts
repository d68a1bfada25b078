import { type ProbeAnswer, type ProbeJob, toCoveyError } from '@covey/protocol';
import {
  type ProfileRequest,
  type ProviderTrial,
  runProfile,
  type ThrowawayAnswer,
  tryProvider,
} from './node/index.ts';
import { probe } from './probe/index.ts';
import { nodeLaboratory, type TrialRequest, trialServer } from './trials/index.ts';

/**
 * Entry of the throwaway processes; what crashes here has harmed nothing. The probe: one job in, one answer out. And what it,
 * or a runtime, starts in turn for work that is riskier still: requests in, an answer to each, until it is ended.
 */
const serveTrial = trialServer();
process.on('message', async (message: ProbeJob | ProviderTrial | TrialRequest | ProfileRequest) => {
  if (message.type === 'probe') {
    const answer = await answerTo(message);
    process.send?.(answer, undefined, {}, () => process.disconnect?.());
  } else {
    process.send?.(await answerToRequest(message));
  }
});
// Without whoever asked nobody reads the answer.
process.once('disconnect', () => process.exit());
// Ctrl-C reaches the whole group of a terminal; what it means is the agent's decision.
process.on('SIGINT', () => {});

function answerTo(job: ProbeJob): Promise<ProbeAnswer> {
  // Its time counts from the start of this process.
  return probe(job, nodeLaboratory, 0).then(
    (measured) => ({ type: 'verdict', ...measured }),
    (error) => ({ type: 'failed', error: toCoveyError(error).toJSON() }),
  );
}

function answerToRequest(
  request: ProviderTrial | TrialRequest | ProfileRequest,
): Promise<ThrowawayAnswer<unknown>> {
  return answerTask(request).then(
    (value) => ({ kind: 'done', value }),
    (error) => ({ kind: 'failed', error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() }),
  );
}

function answerTask(request: ProviderTrial | TrialRequest | ProfileRequest): Promise<unknown> {
  if (request.type === 'provider') return tryProvider(request);
  return request.type === 'profile' ? runProfile(request) : serveTrial(request);
}
