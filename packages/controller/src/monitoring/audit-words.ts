import type { RollbackAnswer } from '@covey/protocol/api';
import type { AuditEntry } from '../audit/index.ts';

/** What a kind of entry of a model's audit says, as what its actor did; null: it was done to other devices. */
const words: Partial<Record<string, (entry: AuditEntry, device: string) => string | null>> = {
  'version.publish': ({ detail }) => {
    const { version, number } = detail as { version: string; number: number };
    return `published ${version}, which is number ${number}`;
  },
  'channel.move': ({ detail }) => {
    const { channel, version } = detail as { channel: string; version: string };
    return `set channel ${channel} to ${version}`;
  },
  'chunk.lose': ({ detail }) => `found that the disk has lost or damaged ${chunkText(detail)}`,
  'chunk.restore': ({ detail }) => `has ${chunkText(detail)} again`,
  'device.install': ({ detail }, device) => {
    const installed = detail as { device: string; version: string };
    return installed.device === device ? `installed ${installed.version} on itself` : null;
  },
  'model.rollback': ({ detail }, device) => {
    const { id, devices } = detail as Pick<RollbackAnswer, 'id' | 'devices'>;
    const moved = devices.find((candidate) => candidate.device === device);
    if (!moved) return null;
    const what = moved.to === null ? `took ${moved.from} off` : `took ${moved.from} back to ${moved.to}`;
    return `${what} on ${device} by ${id}`;
  },
};

function chunkText(detail: unknown): string {
  const { version, chunk } = detail as { version: string; chunk: string };
  return `chunk ${chunk.slice(0, 12)} of ${version}`;
}

/** An entry of a model's audit as a sentence for a device; null: it does not concern it. */
export function auditText(entry: AuditEntry, device: string): string | null {
  const describe = words[entry.action];
  const text = describe ? describe(entry, device) : entry.action;
  return text === null ? null : `${entry.actor}: ${text}`;
}
