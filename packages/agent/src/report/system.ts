import type { Disk, Host } from '@covey/ports';
import type { Metrics } from '@covey/protocol';
import type { Outbox } from '../outbox/index.ts';
import type { Supervisor } from '../runtime/index.ts';

/** What is asked about the machine. */
export interface SystemSources {
  ports: { host: Host; disk: Disk };
  folder: string;
  supervisor: Pick<Supervisor, 'status'>;
  outbox: Pick<Outbox, 'count' | 'bytes'>;
}

/** The runtime's metrics with what the agent knows of the machine added. */
export async function withSystem(
  metrics: Metrics,
  { ports, folder, supervisor, outbox }: SystemSources,
): Promise<Metrics> {
  const { pid, deaths } = supervisor.status();
  const [usage, freeDiskBytes] = await Promise.all([ports.host.usage(pid), ports.disk.freeBytes(folder)]);
  return {
    ...metrics,
    system: {
      $typeName: 'covey.v1.SystemMetrics',
      agentRssBytes: usage.rssBytes,
      runtimeRssBytes: usage.childRssBytes ?? 0,
      cpu: usage.cpu,
      freeDiskBytes,
      outboxMessages: outbox.count,
      outboxBytes: outbox.bytes,
      runtimeDeaths: deaths,
    },
  };
}
