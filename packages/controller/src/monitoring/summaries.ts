import { CoveyError, type Summary, type TensorSummary } from '@covey/protocol';
import type { SummariesAnswer } from '@covey/protocol/api';
import {
  compareWithReference,
  describeComparison,
  mergeSummaries,
  quantile,
  standardDeviation,
} from '@covey/stats';
import { devicesOf } from '../fleet/index.ts';
import type { Registry } from '../registry/index.ts';
import type { Db } from '../storage/index.ts';
import { decodeSummary } from './codec.ts';
import { windowOf } from './window.ts';

/** Summaries one query may merge. */
const maxRows = 50_000;

export interface SummariesQuery {
  model: string;
  selector: string;
  from?: number | undefined;
  to?: number | undefined;
}

/**
 * What a group's devices saw of a model over a window, merged per version, beside the reference in the version's bundle.
 * A summary counts where its own window ends. Errors: INVALID_ARGUMENT (selector, empty window, too much at once).
 */
export async function querySummaries(
  db: Db,
  registry: Pick<Registry, 'reference'>,
  query: SummariesQuery,
  now: number,
): Promise<SummariesAnswer> {
  const { from, to } = windowOf(query, now);
  const group = new Set((await devicesOf(db, query.selector)).map((row) => row.id));
  const rows = await db
    .selectFrom('summaries')
    .select(['device', 'version', 'summary'])
    .where('model', '=', query.model)
    .where('to_ms', '>=', from)
    .where('to_ms', '<', to)
    .orderBy('to_ms')
    .limit(maxRows + 1)
    .execute();
  if (rows.length > maxRows)
    throw new CoveyError('INVALID_ARGUMENT', 'that is too much at once: ask for a shorter window');
  const merged = new Map<string, { devices: Set<string>; summary: Summary }>();
  for (const row of rows.filter(({ device }) => group.has(device))) {
    const summary = decodeSummary(row.summary);
    const known = merged.get(row.version);
    merged.set(row.version, {
      devices: (known?.devices ?? new Set()).add(row.device),
      summary: known ? mergeSummaries(known.summary, summary) : summary,
    });
  }
  const versions = await Promise.all(
    [...merged].map(async ([version, { devices, summary }]) => {
      const reference = await registry.reference(query.model, version);
      return viewOf(version, devices.size, summary, reference);
    }),
  );
  versions.sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
  return { model: query.model, from, to, versions };
}

function viewOf(
  version: string,
  devices: number,
  summary: Summary,
  reference: Awaited<ReturnType<Registry['reference']>>,
): SummariesAnswer['versions'][number] {
  const comparison = reference?.summary ? compareWithReference(summary, reference.summary) : null;
  return {
    version,
    devices,
    inferences: summary.inferences,
    // Not counted apart where all were looked at.
    answered: Math.max(summary.inferences, summary.answeredInferences),
    tensors: summary.tensors.map(tensorView),
    classes: summary.classCounts.map((count, index) => ({
      name: reference?.classNames[index] ?? `class ${index}`,
      count,
    })),
    comparison: comparison && {
      finding: comparison.finding,
      statements: describeComparison(comparison).map((line) => line.trim()),
    },
  };
}

function tensorView(tensor: TensorSummary): SummariesAnswer['versions'][number]['tensors'][number] {
  const { name, output, histogram, missing, outOfRange } = tensor;
  const moments = tensor.moments?.count ? tensor.moments : undefined;
  const at = (q: number) => (histogram && quantile(histogram, q)?.value) ?? null;
  return {
    name,
    output,
    count: moments?.count ?? 0,
    mean: moments?.mean ?? null,
    standardDeviation: moments ? finiteOrNull(standardDeviation(moments)) : null,
    min: moments?.min ?? null,
    max: moments?.max ?? null,
    p50: at(0.5),
    p99: at(0.99),
    missing,
    outOfRange,
  };
}

/** One value alone has no deviation. */
function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
