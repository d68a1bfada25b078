import type { Clock } from '@covey/ports';
import { type Event, limits, type ModelMetrics, type Sequenced, type SystemMetrics } from '@covey/protocol';
import { checkSummary, ExponentialHistogramAccumulator } from '@covey/stats';
import type { IngestHandlers } from '../ingest/index.ts';
import type { Tx } from '../storage/index.ts';
import { decodeHistogram, encodeHistogram, encodeSummary } from './codec.ts';

/** What monitoring does with messages, which ingest has checked field by field: rolled up on arrival. Errors: INVALID_DOCUMENT. */
export function monitoringHandlers({
  clock,
}: {
  clock: Clock;
}): Pick<IngestHandlers, 'metrics' | 'summary' | 'event' | 'log'> {
  /** A device's time, but never ahead of ours: rows of the future would outlive all others. */
  const pastMs = (ms: number) => Math.floor(Math.min(ms, clock.now()));
  return {
    metrics: async (tx, device, { models, system, toMs }) => {
      const at = pastMs(toMs);
      for (const model of models) await rollUp(tx, device, Math.floor(at / 60_000), model);
      if (system) await storeSystem(tx, device, at, system);
      await tx.updateTable('devices').set({ last_seen_at: clock.now() }).where('id', '=', device).execute();
    },
    summary: async (tx, device, summary) => {
      checkSummary(summary);
      const { model, version, variant } = summary;
      const window = { from_ms: pastMs(summary.fromMs), to_ms: pastMs(summary.toMs) };
      const row = { device, model, version, variant, ...window, summary: encodeSummary(summary) };
      await tx.insertInto('summaries').values(row).execute();
    },
    event: async (tx, device, event, sent) => {
      const { kind, model, version } = event;
      await storeEvent(tx, { device, at: pastMs(sent.at), kind, message: textOf(event), model, version });
    },
    // Ordinary lines stay on the device; what it warns of is worth keeping.
    log: async (tx, device, { level, component, message }, sent: Sequenced) => {
      if (level !== 'warn' && level !== 'error') return;
      const text = `${component}: ${message}`;
      await storeEvent(tx, { device, at: pastMs(sent.at), kind: `log-${level}`, message: text });
    },
  };
}

async function rollUp(tx: Tx, device: string, minute: number, sent: ModelMetrics): Promise<void> {
  const { model, version, variant, provider } = sent;
  const key = { device, model, version, variant, provider, minute };
  const known = await tx
    .selectFrom('metrics')
    .select(['requests', 'errors', 'rejected', 'latency'])
    .where((where) => where.and(key))
    .executeTakeFirst();
  const latency = new ExponentialHistogramAccumulator();
  if (known) latency.merge(decodeHistogram(known.latency));
  if (sent.latencyMs) latency.merge(sent.latencyMs);
  const counts = {
    requests: sent.requests + (known?.requests ?? 0),
    errors: sent.errors + (known?.errors ?? 0),
    rejected: sent.rejected + (known?.rejected ?? 0),
    latency: encodeHistogram(latency.toMessage()),
  };
  if (known)
    await tx
      .updateTable('metrics')
      .set(counts)
      .where((where) => where.and(key))
      .execute();
  else
    await tx
      .insertInto('metrics')
      .values({ ...key, ...counts })
      .execute();
}

async function storeSystem(tx: Tx, device: string, at: number, measured: SystemMetrics): Promise<void> {
  const { agentRssBytes, runtimeRssBytes, cpu, freeDiskBytes, outboxMessages, runtimeDeaths } = measured;
  const system = JSON.stringify({
    agentRssBytes,
    runtimeRssBytes,
    cpu,
    freeDiskBytes,
    outboxMessages,
    runtimeDeaths,
  });
  await tx
    .insertInto('device_metrics')
    .values({ device, at, system })
    .onConflict((conflict) => conflict.column('device').doUpdateSet({ at, system }))
    .execute();
}

function textOf({ message, dropped }: Event): string {
  if (!dropped) return message;
  const { count, kind, from, to } = dropped;
  // What was evicted is known by its kind; what the disk has lost is not.
  return kind === 'unknown'
    ? `${count} messages were lost, the outbox was damaged on the device's disk (${from} to ${to})`
    : `${count} ${kind} messages were lost, the outbox was full (${from} to ${to})`;
}

interface StoredEvent {
  device: string;
  at: number;
  kind: string;
  message: string;
  model?: string;
  version?: string;
}

async function storeEvent(tx: Tx, event: StoredEvent): Promise<void> {
  const { device, at, kind, message, model, version } = event;
  await tx
    .insertInto('events')
    .values({
      device,
      at,
      kind,
      message: message.slice(0, limits.reasonChars),
      model: model || null,
      version: version || null,
    })
    .execute();
}
