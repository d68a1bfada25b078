import { canonicalJson, limits, parseJson } from '@covey/protocol';

/** An evaluation report as canonical JSON: any JSON value, EvaluationReportSchema's among them. Errors: those of parseEvaluation. */
export function encodeEvaluation(evaluation: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(canonicalJson(evaluation));
  parseEvaluation(bytes);
  return bytes;
}

/** Errors: PAYLOAD_TOO_LARGE, WIRE_MALFORMED. What it says is for who shows it to check. */
export function parseEvaluation(bytes: Uint8Array): unknown {
  return parseJson(bytes, 'evaluation report', limits.evaluationBytes);
}
