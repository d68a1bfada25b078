import type { HostUsage } from '@covey/ports';
import type { Metrics } from '@covey/protocol';

/** The runtime's metrics with what the agent knows of the machine added. */
export function withSystem(
  metrics: Metrics,
  usage: HostUsage,
  state: { freeDiskBytes: number; outboxMessages: number; outboxBytes: number; runtimeDeaths: number },
): Metrics {
  return {
    ...metrics,
    system: {
      $typeName: 'covey.v1.SystemMetrics',
      agentRssBytes: usage.rssBytes,
      runtimeRssBytes: usage.childRssBytes ?? 0,
      cpu: usage.cpu,
      ...state,
    },
  };
}
