import type { Ports } from '@covey/ports';
import type { AgentOptions } from './agent.ts';
import { openBundleStore } from './bundles/index.ts';
import type { DeviceFolder } from './folder/index.ts';
import type { Identity } from './identity/index.ts';
import type { Ledger } from './ledger/index.ts';
import { openOutbox } from './outbox/index.ts';
import { createTrust } from './trust/index.ts';

const outboxLimits = { messages: 20_000, bytes: 16 * 1024 * 1024 };

/** What an agent has on its disk, opened. */
export type Parts = Awaited<ReturnType<typeof openParts>>;

export async function openParts(
  ports: Ports,
  options: AgentOptions,
  folder: DeviceFolder,
  identity: Identity,
  ledger: Ledger,
) {
  const bootId = Buffer.from(ports.random.bytes(16)).toString('hex');
  return {
    bootId,
    stateFolder: folder.state,
    ledger,
    store: await openBundleStore(ports.disk, folder.bundles),
    trust: createTrust(ports, { identity, folder: folder.trust, ledger }),
    outbox: await openOutbox(
      { ...ports, log: ports.log.component('outbox') },
      { folder: folder.outbox, bootId, flushMs: options.intervals.telemetryFlushMs, limits: outboxLimits },
    ),
  };
}
