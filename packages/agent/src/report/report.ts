import type { HostDescription } from '@covey/ports';
import {
  type Birth,
  type DeviceHost,
  type ErrorCode,
  isSoftware,
  type ModelVersionRef,
  type Reported,
  runtimeOpsets,
  type Tags,
} from '@covey/protocol';
import type { SupervisorStatus } from '../runtime/index.ts';
import { type Software, softwareDamaged } from '../software/index.ts';
import { type Update, wantedSoftware } from '../update/index.ts';
import { reportable } from './probe-results.ts';

type Served = Pick<SupervisorStatus, 'serving' | 'quarantined' | 'unloaded' | 'deaths'>;

/** What is, for the controller: the update machine's state, and what the runtime has confirmed to serve. */
export function reportOf(
  update: Update,
  { serving: models, quarantined, unloaded, deaths }: Served,
  { software, link }: { software: Pick<Software, 'running' | 'damaged'> | null; link: Reported['link'] },
): Reported {
  const serving = [...models, ...softwareIn(update, software?.running ?? null)];
  const until = update.state === 'deferred' ? update.retryAt : null;
  const reason =
    update.reason ??
    damagedReason(update, software) ??
    (unloaded.length > 0 ? unloadedReason(unloaded) : null);
  const hasEnded = ['committed', 'reverting', 'reverted'].includes(update.state);
  const isCommitted = update.committed?.release.models.every((ref) =>
    serving.some((model) => model.ref.bundle === ref.bundle),
  );
  return {
    generation: update.desired?.generation ?? 0,
    state: update.state,
    ...(reason && { reason: { ...reason, ...(until !== null && { until }) } }),
    ...(update.state === 'committed' && update.committed && { proof: update.committed.proof }),
    ...(hasEnded && update.evidence && { evidence: update.evidence }),
    probe: reportable(update.probe),
    serving: serving.map(({ ref, variant, provider, threads }) => ({ ...ref, variant, provider, threads })),
    releaseId: update.committed && isCommitted ? update.committed.release.id : null,
    runtimeDeaths: deaths,
    ...(quarantined.length > 0 && { quarantined }),
    ...(link && { link }),
  };
}

/** Why a version does not serve that the release has. */
export function unloadedReason(refs: readonly ModelVersionRef[]): { code: ErrorCode; message: string } {
  const names = refs.map(({ model, version }) => `${model} ${version}`).join(', ');
  return { code: 'MODEL_UNLOADED', message: `${names} was unloaded by a caller of the inference API here` };
}

/** Why other software of the agent runs than is wanted, where the disk has lost that. */
function damagedReason(update: Update, software: Pick<Software, 'running' | 'damaged'> | null) {
  const wanted = wantedSoftware(update);
  if (!software || wanted === null || wanted === software.running || !software.damaged.includes(wanted))
    return null;
  return { code: 'DATA_CORRUPT', message: softwareDamaged(wanted, software.running) };
}

/** What this device has, as the requirements of a bundle see it. */
export function deviceHost(
  { memoryBytes }: HostDescription,
  providers: DeviceHost['providers'],
  agentVersion: string,
): DeviceHost {
  return { providers, memoryBytes, agentVersion, opsets: runtimeOpsets };
}

/** The agent's software that runs, as one of what serves. */
function softwareIn({ choices, committed }: Update, running: string | null) {
  const known = [...(choices ?? []), ...(committed?.choices ?? [])];
  const own = known.find(({ ref }) => isSoftware(ref.model) && ref.bundle === running);
  return own ? [own] : [];
}

/** The first message of a connection. */
export function birthOf(about: {
  bootId: string;
  at: number;
  nextSeq: number;
  agentVersion: string;
  host: HostDescription;
  providers: Birth['deviceClass']['providers'];
  tags: Tags;
  inferenceUrl: string | null;
}): Birth {
  const { host, providers, inferenceUrl, ...rest } = about;
  return {
    ...rest,
    deviceClass: {
      os: host.os.slice(0, 32),
      arch: host.arch.slice(0, 32),
      cpu: host.cpu.slice(0, 128),
      cores: host.cores,
      memoryBytes: host.memoryBytes,
      providers,
    },
    ...(inferenceUrl !== null && { inferenceUrl }),
  };
}
