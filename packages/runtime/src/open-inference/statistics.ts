import type { Duration, ModelStatistics } from '../engine/index.ts';

/** Statistics extension, "Statistics Response JSON Object"; durations in nanoseconds. */
export function statisticsDocument(statistics: readonly ModelStatistics[]) {
  return { model_stats: statistics.map(modelStatistics) };
}

function modelStatistics(of: ModelStatistics) {
  return {
    name: of.model.ref.model,
    version: of.model.ref.version,
    last_inference: of.lastInferenceMs,
    inference_count: of.inferences,
    execution_count: Math.round(of.executions),
    inference_stats: {
      success: duration(of.success),
      fail: duration(of.fail),
      queue: duration(of.queue),
      compute_input: duration(of.input),
      compute_infer: duration(of.infer),
      compute_output: duration(of.output),
      cache_hit: { count: of.cacheHits, ns: 0 },
      cache_miss: { count: of.cacheMisses, ns: 0 },
    },
    response_stats: {},
    batch_stats: [...of.batches]
      .sort(([a], [b]) => a - b)
      .map(([size, { input, infer, output }]) => ({
        batch_size: size,
        compute_input: duration(input),
        compute_infer: duration(infer),
        compute_output: duration(output),
      })),
    memory_usage: [],
  };
}

function duration({ count, totalMs }: Duration): { count: number; ns: number } {
  return { count: Math.round(count), ns: Math.round(totalMs * 1e6) };
}
