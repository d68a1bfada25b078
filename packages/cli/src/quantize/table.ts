import type { EvaluatedVariant, EvaluationReport, Interval } from '@covey/protocol';
import type { Output } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';

/** An evaluation report for people: a table of the variants, and where its figures come from. */
export function formatReport(report: EvaluationReport, output: Output): string {
  const { machine, original, samples, variants, budget } = report;
  const kept = variants.filter(({ verdict }) => verdict === 'kept');
  const rows = [
    ['original', kibibytes(original.sizeBytes), milliseconds(original.latencyMs), '', memory(original), ''],
    ...kept.map((variant) => [
      variant.name,
      kibibytes(variant.sizeBytes),
      milliseconds(variant.latencyMs),
      ratio(variant, output),
      memory(variant),
      losses(variant),
    ]),
  ];
  const refusals = variants.filter(({ verdict }) => verdict === 'refused');
  return [
    formatTable(['variant', 'size', 'latency', 'of the original', 'memory', 'error'], rows),
    ...refusals.map(({ name, reason }) => `${output.style('yellow', 'refused')} ${name}: ${reason}`),
    `samples: ${samples.source}`,
    `on ${samples.heldOut} held-out samples, ${samples.calibration} calibrated; budget ${budgetText(budget)}`,
    `latency and memory: this is true of ${machine.cpu}, ${machine.threads} ${machine.threads === 1 ? 'thread' : 'threads'}, ${machine.runtime}`,
  ].join('\n');
}

function budgetText(budget: EvaluationReport['budget']): string {
  return Object.entries(budget)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function kibibytes(sizeBytes: number | null): string {
  return sizeBytes === null ? '-' : `${Math.ceil(sizeBytes / 1024)} KiB`;
}

function milliseconds(latency: Interval | null): string {
  return latency ? `${latency.median.toPrecision(3)} ms` : '-';
}

function ratio({ latencyRatio, slowerHere }: EvaluatedVariant, output: Output): string {
  if (!latencyRatio) return '-';
  const { median, lower, upper } = latencyRatio;
  const text = `${median.toFixed(2)}x (${lower.toFixed(2)}-${upper.toFixed(2)})`;
  return slowerHere ? `${text} ${output.style('yellow', 'slower here')}` : text;
}

function memory({ peakMemoryBytes }: Pick<EvaluatedVariant, 'peakMemoryBytes'>): string {
  return peakMemoryBytes === null ? '-' : `${(peakMemoryBytes / 2 ** 20).toFixed(1)} MiB`;
}

/** The worst of the outputs, and how often those that decide between classes decide the same. */
function losses({ errors, accuracy }: EvaluatedVariant): string {
  const all = Object.values(errors);
  const agreements = all.map(({ topAgreement }) => topAgreement).filter((share) => share !== null);
  return [
    ...(all.length === 0 ? [] : [shown(Math.max(...all.map(({ relativeError }) => relativeError)))]),
    ...(agreements.length === 0 ? [] : [`top-1 ${(100 * Math.min(...agreements)).toFixed(1)} %`]),
    ...(accuracy === undefined ? [] : [`accuracy ${(100 * accuracy).toFixed(1)} %`]),
  ].join(', ');
}

function shown(error: number): string {
  if (error === 0) return '0';
  return error === Number.MAX_VALUE ? 'without bound' : error.toPrecision(2);
}
