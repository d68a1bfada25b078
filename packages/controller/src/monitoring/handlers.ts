import type { Clock } from '@covey/ports';
import {
  CoveyError,
  checkDocument,
  type Event,
  limits,
  type Metrics,
  type ModelMetrics,
  NameSchema,
  type Sequenced,
  type SystemMetrics,
  VersionSchema,
} from '@covey/protocol';
import { checkSummary, ExponentialHistogramAccumulator } from '@covey/stats';
import type { IngestHandlers } from '../ingest/index.ts';
import type { Tx } from '../storage/index.ts';
import { decodeHistogram, encodeHistogram, encodeSummary } from './codec.ts';

/** What monitoring does with messages: rolled up on arrival, checked first. Errors: INVALID_DOCUMENT. */
export function monitoringHandlers({
  clock,
}: {
  clock: Clock;
}): Pick<IngestHandlers, 'metrics' | 'summary' | 'event' | 'log'> {
  /** A device's time, but never ahead of ours: rows of the future would outlive all others. */
  const pastMs = (ms: number, what: string) => Math.floor(Math.min(finite(ms, what), clock.now()));
  return {
    metrics: async (tx, device, metrics) => {
      if (metrics.models.length > limits.modelsPerRelease * 16)
        throw new CoveyError('INVALID_DOCUMENT', 'metrics: too many models');
      const minute = Math.floor(pastMs(metrics.toMs, 'metrics: to_ms') / 60_000);
      for (const model of metrics.models) await rollUp(tx, device, minute, model);
      if (metrics.system) await storeSystem(tx, device, pastMs(metrics.toMs, 'metrics: to_ms'), metrics);
      await tx.updateTable('devices').set({ last_seen_at: clock.now() }).where('id', '=', device).execute();
    },
    summary: async (tx, device, summary) => {
      checkSummary(summary);
      const { model, version, variant } = checkNames(summary);
      const from_ms = pastMs(summary.fromMs, 'summary: from_ms');
      const to_ms = pastMs(summary.toMs, 'summary: to_ms');
      const row = { device, model, version, variant, from_ms, to_ms, summary: encodeSummary(summary) };
      await tx.insertInto('summaries').values(row).execute();
    },
    event: async (tx, device, event, sent) => {
      await storeEvent(tx, device, pastMs(sent.at, 'at'), event.kind, textOf(event), event);
    },
    // Ordinary lines stay on the device; what it warns of is worth keeping.
    log: async (tx, device, { level, component, message }, sent: Sequenced) => {
      if (level !== 'warn' && level !== 'error') return;
      await storeEvent(tx, device, pastMs(sent.at, 'at'), `log-${level}`, `${component}: ${message}`, {});
    },
  };
}

function finite(value: number, what: string): number {
  if (!(Number.isFinite(value) && value >= 0))
    throw new CoveyError('INVALID_DOCUMENT', `${what} is not a positive number`);
  return value;
}

function checkNames({ model, version, variant }: { model: string; version: string; variant: string }) {
  return {
    model: checkDocument(NameSchema, model, 'model'),
    version: checkDocument(VersionSchema, version, 'version'),
    variant: checkDocument(NameSchema, variant, 'variant'),
  };
}

async function rollUp(tx: Tx, device: string, minute: number, sent: ModelMetrics): Promise<void> {
  const provider = checkDocument(NameSchema, sent.provider, 'provider');
  const key = { device, ...checkNames(sent), provider, minute };
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

async function storeSystem(tx: Tx, device: string, at: number, { system }: Metrics): Promise<void> {
  if (!system) return;
  const document = JSON.stringify(checkSystem(system));
  await tx
    .insertInto('device_metrics')
    .values({ device, at, system: document })
    .onConflict((conflict) => conflict.column('device').doUpdateSet({ at, system: document }))
    .execute();
}

function checkSystem(system: SystemMetrics) {
  const { agentRssBytes, runtimeRssBytes, cpu, freeDiskBytes, outboxMessages, runtimeDeaths } = system;
  return {
    agentRssBytes: finite(agentRssBytes, 'system: agent_rss_bytes'),
    runtimeRssBytes: finite(runtimeRssBytes, 'system: runtime_rss_bytes'),
    cpu: finite(cpu, 'system: cpu'),
    freeDiskBytes: finite(freeDiskBytes, 'system: free_disk_bytes'),
    outboxMessages,
    runtimeDeaths,
  };
}

function textOf({ message, dropped }: Event): string {
  if (!dropped) return message;
  return `${dropped.count} ${dropped.kind} messages were lost, the outbox was full (${dropped.from} to ${dropped.to})`;
}

async function storeEvent(
  tx: Tx,
  device: string,
  at: number,
  kind: string,
  message: string,
  about: { model?: string; version?: string },
): Promise<void> {
  await tx
    .insertInto('events')
    .values({
      device,
      at,
      kind: checkDocument(NameSchema, kind, 'event: kind'),
      message: message.slice(0, limits.reasonChars),
      model: about.model ? checkDocument(NameSchema, about.model, 'event: model') : null,
      version: about.version ? checkDocument(VersionSchema, about.version, 'event: version') : null,
    })
    .execute();
}
