import { limits, type ProbeResult } from '@covey/protocol';

/** Of the report, what the probe's results may take: the rest of it has to fit in the document too. */
const mostBytes = limits.documentBytes / 2;

/** As many results as a report can carry, in their order: what was chosen before what was not. */
export function reportable(results: readonly ProbeResult[]): ProbeResult[] {
  const kept = new Set<ProbeResult>();
  let sizeBytes = 0;
  for (const result of results.toSorted((a, b) => Number(b.chosen) - Number(a.chosen))) {
    sizeBytes += Buffer.byteLength(JSON.stringify(result)) + 1;
    if (sizeBytes > mostBytes || kept.size === limits.probeResults) break;
    kept.add(result);
  }
  return results.filter((result) => kept.has(result));
}
