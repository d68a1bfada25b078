import type { ReportedLink } from '@covey/protocol';
import type { LinkChangePlan, linkChangeStates, linkMemberStates } from '@covey/protocol/api';

export interface LinkMember {
  device: string;
  wave: number;
  state: (typeof linkMemberStates)[number];
  reason: string | null;
  movedAt: number | null;
}

/** Other addresses of this controller for a group of devices. Times are unix milliseconds. */
export interface LinkChange {
  id: string;
  plan: LinkChangePlan;
  state: (typeof linkChangeStates)[number];
  reason: string | null;
  /** Index of the wave under way; -1: none yet. */
  wave: number;
  members: readonly LinkMember[];
  createdAt: number;
  createdBy: string;
  updatedAt: number;
}

/** What is known of a device. */
export interface SeenDevice {
  reported: ReportedLink | undefined;
  lastSeenAt: number | null;
}

/** A device begins to count anew at each of two starts; after that it takes as long as the way back may. */
const wayBackMs = 180_000;
export function silentAfterMs({ withinMs }: Pick<LinkChangePlan, 'withinMs'>): number {
  return 3 * withinMs + wayBackMs;
}

/**
 * ```
 *   member   waiting --wave begins--> moving --reports--> kept | takenBack
 *                                       +--time over--> silent (it was here since) | unreached (it was not); a report still counts
 *   change   running --every wave has an outcome--> finished
 *               +--a device took it back or went silent, or a wave reached nobody, or somebody says so--> stopped
 * ```
 * Invariants (`advance.test.ts`): 1. a wave begins only when each device of the one before has an outcome, one at least kept it, and
 * none took it back or went silent; 2. a change that has ended stays ended and moves nobody, though what its devices report still
 * counts; 3. time alone ends everything.
 */
export function advance(change: LinkChange, seen: ReadonlyMap<string, SeenDevice>, now: number): LinkChange {
  const members = change.members.map((member) => look(change, member, seen.get(member.device), now));
  const isNew = members.some((member, index) => member !== change.members[index]);
  const looked = isNew ? { ...change, members, updatedAt: now } : change;
  if (change.state !== 'running') return looked;
  const bad = members.find(({ state }) => state === 'takenBack' || state === 'silent');
  if (bad) return stop(looked, `device ${bad.device}: ${bad.reason}`, now);
  const present = members.filter(({ wave }) => wave === change.wave);
  if (present.some(({ state }) => state === 'moving')) return looked;
  if (present.length > 0 && !present.some(({ state }) => state === 'kept'))
    return stop(looked, `no device of wave ${change.wave + 1} was here to show that it works`, now);
  return begin(looked, change.wave + 1, now);
}

/** No further device is moved. */
export function stop(change: LinkChange, reason: string, now: number): LinkChange {
  return { ...change, state: 'stopped', reason, updatedAt: now };
}

function begin(change: LinkChange, wave: number, now: number): LinkChange {
  if (!change.members.some((member) => member.wave === wave))
    return { ...change, state: 'finished', updatedAt: now };
  const members = change.members.map((member) =>
    member.wave === wave ? { ...member, state: 'moving' as const, movedAt: now } : member,
  );
  return { ...change, members, wave, updatedAt: now };
}

function look(
  { id, plan, state }: LinkChange,
  member: LinkMember,
  seen: SeenDevice | undefined,
  now: number,
): LinkMember {
  if (member.movedAt === null || member.state === 'kept' || member.state === 'takenBack') return member;
  const { reported, lastSeenAt } = seen ?? { reported: undefined, lastSeenAt: null };
  if (reported?.id === id && reported.state !== 'pending')
    return { ...member, state: reported.state, reason: reported.reason ?? null };
  if (member.state !== 'moving' || now - member.movedAt < silentAfterMs(plan)) return member;
  // It may have been told nothing: the stop withdrew it from whoever was away.
  if (state === 'stopped')
    return {
      ...member,
      state: 'unreached',
      reason: 'it has said nothing of it since the change was stopped',
    };
  return lastSeenAt !== null && lastSeenAt >= member.movedAt
    ? {
        ...member,
        state: 'silent',
        reason: 'it was told the new way and was not heard by it, nor by the one before',
      }
    : { ...member, state: 'unreached', reason: 'it was away; it is told when it comes' };
}
