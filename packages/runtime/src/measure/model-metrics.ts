import { create } from '@bufbuild/protobuf';
import type { LoadedModel, ModelMetrics } from '@covey/protocol';
import { ModelMetricsSchema } from '@covey/protocol/telemetry-schemas';
import type { SchedulerState } from '../scheduler/index.ts';
import { isRejection } from './failure.ts';
import type { Tally } from './tally.ts';

/** What the controller hears of a window. */
export function modelMetrics(
  { ref, variant, provider }: LoadedModel,
  { waiting }: SchedulerState,
  tally: Tally,
): ModelMetrics {
  let errors = 0;
  let rejected = 0;
  for (const [reason, count] of tally.failures) {
    if (isRejection(reason)) rejected += count;
    else errors += count;
  }
  const { success, queue, input, infer, output, inferences, executions, busyMs } = tally;
  const { cacheHits, cacheMisses } = tally;
  return create(ModelMetricsSchema, {
    model: ref.model,
    version: ref.version,
    variant,
    provider,
    requests: success.count + errors,
    errors,
    rejected,
    latencyMs: success.histogram.toMessage(),
    failures: [...tally.failures].map(([reason, count]) => ({ reason, count })),
    inferences,
    executions,
    queueMs: queue.histogram.toMessage(),
    inputMs: input.histogram.toMessage(),
    inferMs: infer.histogram.toMessage(),
    outputMs: output.histogram.toMessage(),
    busyMs,
    pending: waiting,
    cacheHits,
    cacheMisses,
    batches: [...tally.batches].map(([size, { infer }]) => ({ size, executions: infer.count })),
  });
}
