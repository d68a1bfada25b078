import { CoveyError, type ExponentialHistogram } from '@covey/protocol';
import type { MetricsAnswer } from '@covey/protocol/api';
import { ExponentialHistogramAccumulator, quantile } from '@covey/stats';
import type { Selectable } from 'kysely';
import type { Db, MetricsTable } from '../storage/index.ts';
import { decodeHistogram } from './codec.ts';
import { windowOf } from './window.ts';

/** Rows one query may merge: a thousand devices over almost seven hours. */
const maxRows = 400_000;
const minuteMs = 60_000;

export interface MetricsQuery {
  model?: string | undefined;
  version?: string | undefined;
  device?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

/**
 * Requests, errors and latency by model version over a window and by minute, merged over devices: the histograms are
 * merged, so the quantiles are those of all requests together. Errors: INVALID_ARGUMENT (empty window, too much at once).
 */
export async function queryMetrics(db: Db, query: MetricsQuery, now: number): Promise<MetricsAnswer> {
  const { from, to } = windowOf(query, now);
  const { model, version, device } = query;
  const rows = await db
    .selectFrom('metrics')
    .selectAll()
    .where('minute', '>=', Math.floor(from / minuteMs))
    .where('minute', '<', Math.ceil(to / minuteMs))
    .$if(model !== undefined, (select) => select.where('model', '=', model ?? ''))
    .$if(version !== undefined, (select) => select.where('version', '=', version ?? ''))
    .$if(device !== undefined, (select) => select.where('device', '=', device ?? ''))
    .orderBy('minute')
    .orderBy('model')
    .orderBy('version')
    .limit(maxRows + 1)
    .execute();
  if (rows.length > maxRows)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      'that is too much at once: ask for a shorter window or one device',
    );
  const totals = new Groups();
  const series = new Groups();
  for (const row of rows) {
    totals.add(`${row.model} ${row.version}`, row);
    series.add(`${row.minute} ${row.model} ${row.version}`, row);
  }
  return {
    from,
    to,
    totals: totals.figures().map(({ minute: _, ...figures }) => ({
      ...figures,
      requestsPerSecond: (figures.requests * 1_000) / (to - from),
    })),
    series: series.figures(),
  };
}

type Figures = MetricsAnswer['series'][number];

class Groups {
  readonly #groups = new Map<string, { row: Figures; latency: ExponentialHistogramAccumulator }>();

  add(key: string, row: Selectable<MetricsTable>): void {
    const group = this.#groups.get(key) ?? {
      row: {
        minute: row.minute * minuteMs,
        model: row.model,
        version: row.version,
        requests: 0,
        errors: 0,
        rejected: 0,
        p50Ms: null,
        p99Ms: null,
      },
      latency: new ExponentialHistogramAccumulator(),
    };
    this.#groups.set(key, group);
    group.row.requests += row.requests;
    group.row.errors += row.errors;
    group.row.rejected += row.rejected;
    group.latency.merge(decodeHistogram(row.latency));
  }

  figures(): Figures[] {
    return [...this.#groups.values()].map(({ row, latency }) => {
      const histogram: ExponentialHistogram = latency.toMessage();
      return {
        ...row,
        p50Ms: quantile(histogram, 0.5)?.value ?? null,
        p99Ms: quantile(histogram, 0.99)?.value ?? null,
      };
    });
  }
}
