import type { OutputErrors } from '@covey/onnx';
import { type EvaluatedVariant, type EvaluationReport, limits } from '@covey/protocol';
import { coveyVersion } from '../version.ts';
import type { Judged } from './evaluate.ts';
import { thisMachine } from './machine.ts';
import type { Cost } from './measure.ts';
import type { Quantized, Refused } from './quantize.ts';
import { digestOf } from './work-folder.ts';

const unmeasured: Cost = { latencyMs: null, latencyRatio: null, peakMemoryBytes: null };

/** The evaluation report of what was made. */
export function reportOf(quantized: Quantized, threads: number, createdAt: string): EvaluationReport {
  const { original, edited, samples, wanted, judged, refused, costs } = quantized;
  const { latencyMs, peakMemoryBytes } = costs.get(original.digest) ?? unmeasured;
  const { calibration, heldOut } = samples;
  return {
    format: 'covey-evaluation/1',
    tool: `covey ${coveyVersion}`,
    createdAt,
    machine: thisMachine(threads),
    original: { sha256: original.digest, sizeBytes: original.sizeBytes, latencyMs, peakMemoryBytes },
    samples: {
      source: samples.describe.slice(0, limits.reasonChars),
      digest: digestOf(new TextEncoder().encode(`${calibration.digest} ${heldOut.digest}`)),
      calibration: calibration.samples.length,
      heldOut: heldOut.samples.length,
    },
    passes: edited.passes,
    calibration: wanted.method ?? 'by search',
    budget: { ...wanted.limits },
    variants: [
      ...judged.map((one) => evaluated(one, costs.get(one.candidate.digest), floatLatency(judged, costs))),
      ...refused.map(refusedVariant),
    ],
  };
}

/** Of fp32, the edited model, which comes first. */
function floatLatency(judged: readonly Judged[], costs: ReadonlyMap<string, Cost>): Cost['latencyMs'] {
  return costs.get(judged[0]?.candidate.digest ?? '')?.latencyMs ?? null;
}

function evaluated(
  { candidate, evaluation, reason }: Judged,
  cost: Cost = unmeasured,
  float: Cost['latencyMs'],
): EvaluatedVariant {
  const { name, digest, sizeBytes, settings, nodesKept } = candidate;
  // Beyond doubt: the intervals lie apart.
  const slowerHere = (cost.latencyMs?.lower ?? 0) > (float?.upper ?? Number.POSITIVE_INFINITY);
  return {
    name,
    sha256: digest,
    sizeBytes,
    settings,
    verdict: reason === undefined ? 'kept' : 'refused',
    ...(reason !== undefined && { reason: reason.slice(0, limits.reasonChars) }),
    ...(reason === undefined ? { ...cost, slowerHere } : { ...unmeasured, slowerHere: false }),
    errors: { ...evaluation.outputs },
    ...(evaluation.metric && { accuracy: evaluation.metric.candidate }),
    nodesKept,
  };
}

function refusedVariant({ name, refusal }: Refused): EvaluatedVariant {
  return {
    name,
    sha256: null,
    sizeBytes: null,
    settings: refusal.settings,
    verdict: 'refused',
    reason: refusal.reason.slice(0, limits.reasonChars),
    ...unmeasured,
    slowerHere: false,
    errors: withoutExtras(refusal.errors),
    nodesKept: [],
  };
}

function withoutExtras(errors: OutputErrors): EvaluatedVariant['errors'] {
  return Object.fromEntries(
    Object.entries(errors).map(([name, { relativeError, cosine, maxAbsolute, topAgreement }]) => [
      name,
      { relativeError, cosine, maxAbsolute, topAgreement },
    ]),
  );
}
