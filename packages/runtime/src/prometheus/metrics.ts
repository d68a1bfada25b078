import { type Duration, failureReasons, type ModelStatistics, type RuntimeFigures } from '../engine/index.ts';
import { batchBuckets, secondsBuckets } from './buckets.ts';
import { Exposition, type Labels } from './exposition.ts';

/** All metrics of the runtime as text; the package's README lists them with their meaning. */
export function metricsText(models: readonly ModelStatistics[], figures: RuntimeFigures): string {
  const text = new Exposition();
  writeRequests(text, models);
  writeDurations(text, models);
  writeState(text, models);
  writeProcess(text, figures);
  return text.toString();
}

function writeRequests(text: Exposition, models: readonly ModelStatistics[]): void {
  text.counter(
    'covey_inference_requests_total',
    'Requests by outcome: success, or the reason for which they were not answered.',
    models.flatMap((of) => [
      [{ ...labels(of), outcome: 'success' }, of.success.count] as const,
      ...failureReasons.map(
        (reason) => [{ ...labels(of), outcome: reason }, of.failures.get(reason) ?? 0] as const,
      ),
    ]),
  );
  text.counter(
    'covey_inference_inferences_total',
    'Inferences computed: a request of batch 8 counts 8, one from the cache none.',
    each(models, (of) => of.inferences),
  );
  text.counter(
    'covey_inference_executions_total',
    'Runs of the model; inferences over executions is the average batch.',
    each(models, (of) => of.executions),
  );
  text.counter(
    'covey_inference_busy_seconds_total',
    'Time in ONNX Runtime, each run once: its rate is the utilization of the model.',
    each(models, (of) => of.busyMs / 1_000),
  );
  text.counter(
    'covey_inference_cache_requests_total',
    'Requests that the response cache was asked for.',
    models.flatMap((of) => [
      [{ ...labels(of), result: 'hit' }, of.cacheHits] as const,
      [{ ...labels(of), result: 'miss' }, of.cacheMisses] as const,
    ]),
  );
}

function writeDurations(text: Exposition, models: readonly ModelStatistics[]): void {
  for (const [phase, name, help] of [
    ['success', 'request', 'Answered requests, from the whole request read to the answer ready.'],
    ['queue', 'queue', 'Until the run began.'],
    ['input', 'input', 'Inputs made ready: joined, padded, handed to the thread.'],
    ['infer', 'infer', 'In ONNX Runtime.'],
    ['output', 'output', 'Outputs taken apart and handed back.'],
  ] as const) {
    text.histogram(
      `covey_inference_${name}_duration_seconds`,
      help,
      models.map((of) => [labels(of), secondsBuckets(of[phase].histogram.toMessage(), of[phase])] as const),
    );
  }
  text.counter(
    'covey_inference_failure_seconds_total',
    'Time of the requests that were not answered.',
    each(models, (of) => seconds(of.fail)),
  );
  text.histogram(
    'covey_inference_batch_size',
    'Inferences in a run.',
    models.map((of) => {
      const runs = [...of.batches].map(([size, { infer }]) => [size, infer.count] as const);
      return [labels(of), batchBuckets(runs)] as const;
    }),
  );
}

function writeState(text: Exposition, models: readonly ModelStatistics[]): void {
  text.gauge(
    'covey_inference_pending_requests',
    'Requests that wait for their run.',
    each(models, ({ state }) => state.waiting),
  );
  text.gauge(
    'covey_inference_running_requests',
    'Requests that run.',
    each(models, ({ state }) => state.running),
  );
  text.gauge(
    'covey_inference_sessions',
    'Sessions of the model that are loaded.',
    each(models, ({ state }) => state.sessions),
  );
}

function writeProcess(text: Exposition, figures: RuntimeFigures): void {
  const { process, startSeconds, eventLoopDelay } = figures;
  // NaN is the format's word for what is not known.
  const one = (value = Number.NaN) => [[{}, value]] as const;
  text.gauge(
    'process_resident_memory_bytes',
    'Resident memory of the runtime process.',
    one(process?.residentBytes()),
  );
  text.counter(
    'process_cpu_seconds_total',
    'User and system time of the runtime process.',
    one(process?.cpuSeconds()),
  );
  text.gauge('process_start_time_seconds', 'Start of the runtime process, Unix time.', one(startSeconds));
  text.counter(
    'covey_event_loop_active_seconds_total',
    'Time in which the event loop was at work; near one second a second, requests wait for it.',
    one(process?.eventLoopActiveSeconds()),
  );
  text.histogram('covey_event_loop_delay_seconds', 'How late a timer fires, looked at once a second.', [
    [{}, secondsBuckets(eventLoopDelay.histogram.toMessage(), eventLoopDelay)],
  ]);
  const { spans } = figures;
  if (spans === undefined) return;
  text.counter(
    'covey_trace_spans_total',
    'Spans that the trace collector took, and those that were dropped.',
    [
      [{ result: 'exported' }, spans.exported],
      [{ result: 'dropped' }, spans.dropped],
    ],
  );
}

function labels({ model: { ref, variant, provider } }: ModelStatistics): Labels {
  return { model: ref.model, version: ref.version, variant, provider };
}

function each(models: readonly ModelStatistics[], value: (of: ModelStatistics) => number) {
  return models.map((of) => [labels(of), value(of)] as const);
}

function seconds({ totalMs }: Duration): number {
  return totalMs / 1_000;
}
