import {
  CoveyError,
  checkDocument,
  type Event,
  type ExponentialHistogram,
  type Log,
  limits,
  type Metrics,
  type ModelMetrics,
  NameSchema,
  type Summary,
  type TensorSummary,
  VersionSchema,
} from '@covey/protocol';
import type { TelemetryBody } from './decode.ts';

/** OpenTelemetry's metrics data model: 160 buckets a side are the default maximum; scales are -10 to 20. */
const bucketsPerSide = 160;
const smallestScale = -10;
const largestScale = 20;
/** Reasons of failure, sizes of batches. */
const listedAtMost = 1_024;
const modelMetricsPerMessage = limits.modelsPerRelease * 8;

/** Bounds and names that protobuf does not know. Errors: INVALID_DOCUMENT naming the field. */
export function checkTelemetryBody(body: TelemetryBody): void {
  switch (body.case) {
    case 'metrics':
      checkMetrics(body.value);
      break;
    case 'summary':
      checkSummary(body.value);
      break;
    case 'event':
      checkEvent(body.value);
      break;
    case 'log':
      checkLog(body.value);
      break;
  }
}

function checkMetrics({ fromMs, toMs, models, system }: Metrics): void {
  checkWindow(fromMs, toMs);
  demand(models.length <= modelMetricsPerMessage, 'metrics.models', `at most ${modelMetricsPerMessage}`);
  for (const model of models) checkModelMetrics(model);
  if (!system) return;
  for (const [field, value] of Object.entries(system))
    if (typeof value === 'number')
      demand(Number.isFinite(value), `metrics.system.${field}`, 'a finite number');
}

function checkModelMetrics(metrics: ModelMetrics): void {
  checkModel(metrics.model, metrics.version, metrics.variant);
  checkDocument(NameSchema, metrics.provider, 'metrics.provider');
  for (const [field, histogram] of [
    ['latency_ms', metrics.latencyMs],
    ['queue_ms', metrics.queueMs],
    ['input_ms', metrics.inputMs],
    ['infer_ms', metrics.inferMs],
    ['output_ms', metrics.outputMs],
  ] as const) {
    if (histogram) checkHistogram(histogram, `metrics.${field}`);
  }
  const { failures, batches, executions, busyMs } = metrics;
  demand(failures.length <= listedAtMost, 'metrics.failures', `at most ${listedAtMost}`);
  demand(batches.length <= listedAtMost, 'metrics.batches', `at most ${listedAtMost}`);
  for (const { reason } of failures) checkText(reason, 1, limits.nameChars, 'metrics.failures.reason');
  const numbers = [executions, busyMs, ...batches.map((batch) => batch.executions)];
  demand(numbers.every(Number.isFinite), 'metrics.executions, busy_ms', 'finite numbers');
}

function checkSummary({ model, version, variant, fromMs, toMs, tensors, classCounts }: Summary): void {
  checkModel(model, version, variant);
  checkWindow(fromMs, toMs);
  demand(tensors.length <= limits.tensorsPerModel, 'summary.tensors', `at most ${limits.tensorsPerModel}`);
  demand(classCounts.length <= limits.classNames, 'summary.class_counts', `at most ${limits.classNames}`);
  for (const tensor of tensors) checkTensor(tensor);
}

function checkTensor({ name, moments, histogram }: TensorSummary): void {
  demand(name.length <= limits.topicBytes, 'summary.tensors.name', `at most ${limits.topicBytes} characters`);
  if (histogram) checkHistogram(histogram, 'summary.tensors.histogram');
  if (!moments || moments.count === 0) return;
  const numbers = [moments.mean, moments.m2, moments.min, moments.max];
  demand(numbers.every(Number.isFinite), 'summary.tensors.moments', 'finite numbers');
}

function checkEvent({ kind, message, model, version }: Event): void {
  checkText(kind, 1, limits.nameChars, 'event.kind');
  checkText(message, 0, limits.reasonChars, 'event.message');
  if (model !== '') checkDocument(NameSchema, model, 'event.model');
  if (version !== '') checkDocument(VersionSchema, version, 'event.version');
}

function checkLog({ level, message, component }: Log): void {
  checkText(level, 1, limits.nameChars, 'log.level');
  checkText(message, 0, limits.reasonChars, 'log.message');
  checkText(component, 0, limits.nameChars, 'log.component');
}

function checkModel(model: string, version: string, variant: string): void {
  checkDocument(NameSchema, model, 'model');
  checkDocument(VersionSchema, version, 'version');
  checkDocument(NameSchema, variant, 'variant');
}

function checkWindow(fromMs: number, toMs: number): void {
  const isWindow = Number.isFinite(fromMs) && Number.isFinite(toMs) && 0 <= fromMs && fromMs <= toMs;
  demand(isWindow, 'from_ms, to_ms', 'a window of time');
}

function checkHistogram({ scale, positive, negative }: ExponentialHistogram, field: string): void {
  demand(
    scale >= smallestScale && scale <= largestScale,
    `${field}.scale`,
    `${smallestScale} to ${largestScale}`,
  );
  for (const side of [positive, negative]) {
    const buckets = side?.counts.length ?? 0;
    demand(buckets <= bucketsPerSide, field, `at most ${bucketsPerSide} buckets a side`);
  }
}

function checkText(text: string, minChars: number, maxChars: number, field: string): void {
  const fits = text.length >= minChars && text.length <= maxChars;
  demand(fits, field, `${minChars} to ${maxChars} characters`);
}

function demand(holds: boolean, field: string, expected: string): void {
  if (!holds) throw new CoveyError('INVALID_DOCUMENT', `${field}: ${expected}`);
}
