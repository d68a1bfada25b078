import { createHash } from 'node:crypto';
import type { DeliveryPolicy, ErrorCode, Hold } from '@covey/protocol';
import { nextDayAt, windowState } from './windows.ts';

/** What a release may be on its way to: coming over the network, or taking the place of what serves. */
export type DeliveryPhase = 'download' | 'change';

/** What the decision depends on, apart from the policy and the time. */
export interface DeliveryConditions {
  phase: DeliveryPhase;
  deviceId: string;
  /** Id of what ordered it, such as a rollout: each spreads the devices anew. */
  orderId: string;
  /** When it was ordered, unix milliseconds. */
  orderedAt: number;
  /** IANA name. */
  timeZone: string;
  isMetered: boolean;
  /** What somebody on the device asks for. */
  veto: Pick<Hold, 'until' | 'reason'> | null;
  /** Bytes that came for this order: in all, today, and over metered links. */
  used: { bytes: number; todayBytes: number; meteredBytes: number };
  /** What is still to come; null: not known yet. */
  needed: NeededBytes | null;
}
export interface NeededBytes {
  bytes: number;
  /** Of these, whole files that nothing on the device tells them from: larger than `smallFileBytes`. */
  wholeBytes: number;
  /** Of these again, files for which there should have been a delta, and is none that works. */
  fallbackBytes: number;
}

/** Files up to this size come whole everywhere: a delta would not be smaller by much. */
export const smallFileBytes = 64 * 1024;

export type DeliveryDecision =
  | { kind: 'go' }
  /** `until` null: nobody knows; it is asked again after a while. */
  | { kind: 'hold'; code: ErrorCode; message: string; until: number | null };

const go: DeliveryDecision = { kind: 'go' };
const hold = (code: ErrorCode, message: string, until: number | null): DeliveryDecision => ({
  kind: 'hold',
  code,
  message,
  until,
});

/** Whether a release may go on at `now`, and if not, why and until when. The first rule that holds it up is named. */
export function mayProceed(
  policy: DeliveryPolicy,
  conditions: DeliveryConditions,
  now: number,
): DeliveryDecision {
  const rules = [heldLocally, beforeItsStart, outsideWindow];
  if (conditions.phase === 'download') rules.push(overMeteredLink, withoutDelta, beyondAllowance);
  for (const rule of rules) {
    const decision = rule(policy, conditions, now);
    if (decision.kind === 'hold') return decision;
  }
  return go;
}

/** Where between 0 and `spreadMs` a device starts for an order: the same whenever it is asked. */
export function startDelayMs(deviceId: string, orderId: string, spreadMs: number): number {
  const hash = createHash('sha256').update(`${orderId}/${deviceId}`).digest();
  return Math.floor((hash.readUIntBE(0, 6) / 2 ** 48) * spreadMs);
}

type Rule = typeof mayProceed;

const heldLocally: Rule = ({ vetoDeadlineMs }, { veto, orderedAt }, now) => {
  const deadline = vetoDeadlineMs === undefined ? Number.POSITIVE_INFINITY : orderedAt + vetoDeadlineMs;
  const until = Math.min(veto?.until ?? 0, deadline);
  if (!veto || now >= until) return go;
  return hold('HELD_LOCALLY', `held on the device: ${veto.reason || 'no reason given'}`, until);
};

const beforeItsStart: Rule = ({ spreadMs }, { deviceId, orderId, orderedAt }, now) => {
  const startsAt = orderedAt + startDelayMs(deviceId, orderId, spreadMs);
  return now >= startsAt ? go : hold('START_SPREAD', 'devices start one after the other', startsAt);
};

const outsideWindow: Rule = ({ windows, outsideWindows }, { phase, timeZone }, now) => {
  if (!windows || (phase === 'download' && outsideWindows === 'download')) return go;
  const state = windowState(windows, timeZone, now);
  if (state.isOpen) return go;
  return hold('OUTSIDE_WINDOW', `outside of its maintenance windows (${timeZone})`, state.opensAt);
};

const overMeteredLink: Rule = ({ meteredLink }, { isMetered, needed, used }) => {
  if (!isMetered || meteredLink === 'everything' || needed?.bytes === 0) return go;
  if (meteredLink === 'nothing') return hold('METERED_LINK', 'the link is metered', null);
  if (meteredLink === 'deltas') {
    if (!needed || needed.wholeBytes === 0) return go;
    const message = `the link is metered, and ${needed.wholeBytes} bytes would come without a delta`;
    return hold('METERED_LINK', message, null);
  }
  const leftBytes = Math.max(0, meteredLink.upToBytes - used.meteredBytes);
  if ((needed?.bytes ?? 1) <= leftBytes) return go;
  const message = `the link is metered: ${needed?.bytes ?? 'more'} bytes are to come, ${leftBytes} of ${meteredLink.upToBytes} are left`;
  return hold('METERED_LINK', message, null);
};

const withoutDelta: Rule = ({ whenDeltaFails }, { needed }) => {
  if (whenDeltaFails === 'full' || !needed || needed.fallbackBytes === 0) return go;
  const message = `there is no delta that works here, and ${needed.fallbackBytes} bytes in full are not allowed`;
  return hold('DELTA_UNAVAILABLE', message, null);
};

const beyondAllowance: Rule = ({ device }, { needed, used, timeZone }, now) => {
  if (needed?.bytes === 0) return go;
  if (device.bytes !== undefined && used.bytes + (needed?.bytes ?? 1) > device.bytes) {
    const message = `this device may fetch ${device.bytes} bytes for it and has fetched ${used.bytes}; ${needed?.bytes ?? 'more'} are to come`;
    return hold('BUDGET_SPENT', message, null);
  }
  if (device.bytesPerDay !== undefined && used.todayBytes >= device.bytesPerDay) {
    const message = `this device may fetch ${device.bytesPerDay} bytes a day, and has`;
    return hold('BUDGET_SPENT', message, nextDayAt(timeZone, now));
  }
  return go;
};
