import type { Clock, Random } from '@covey/ports';
import { CoveyError, checkDocument, type LinkSettings, LinkSettingsSchema } from '@covey/protocol';
import type { LinkChangePlan, LinkChangePreview, LinkChangeView } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import { devicesOf } from '../fleet/index.ts';
import { readAuthorities } from '../identity/index.ts';
import { divideIntoWaves } from '../rollouts/index.ts';
import type { Db, Storage, Tx } from '../storage/index.ts';
import { advance, type LinkChange, stop } from './advance.ts';
import {
  awaitedChangeIds,
  changeIds,
  insertChange,
  readChange,
  runningChangeIds,
  seenDevices,
  setLink,
  updateChange,
  withdrawLink,
} from './store.ts';

/** Moves devices to other addresses of this controller, wave by wave; each takes a way back by itself that does not prove itself. */
export interface Links {
  /** Errors: INVALID_ARGUMENT (selector, authority), INVALID_DOCUMENT (addresses), NOT_FOUND (empty group). */
  preview(plan: LinkChangePlan): Promise<LinkChangePreview>;
  /** Errors: as `preview`, CONFLICT when one of the devices is in another change that runs. */
  create(plan: LinkChangePlan, actor: string): Promise<LinkChangeView>;
  /** No further device is moved; those that moved stay. Errors: NOT_FOUND, CONFLICT when it has ended. */
  stop(id: string, actor: string): Promise<LinkChangeView>;
  /** Errors: NOT_FOUND. */
  view(id: string): Promise<LinkChangeView>;
  /** Newest first. */
  list(limit: number): Promise<LinkChangeView[]>;
  /** Moves each on as far as its devices have reported. All is read from storage: after a crash the next tick goes on. */
  tick(): Promise<void>;
}

export interface LinksOptions {
  storage: Storage;
  clock: Clock;
  random: Random;
  /** After a commit: these devices are to be told. */
  onDesired: (devices: readonly string[]) => void;
  onChange: (id: string) => void;
}

/** Of the changes that have ended so many are looked at: devices that never come back do not make every look longer. */
const mostAwaited = 20;

export function createLinks(options: LinksOptions): Links {
  const { storage, clock, random } = options;
  const view = async (id: string) => viewOf(await changeOrRefuse(storage.db, id));
  const advanceOne = (id: string) =>
    step(options, id, async (tx, before) => advance(before, await seenDevices(tx, id), clock.now()));
  return {
    preview: (plan) => previewOf(storage.db, plan, clock.now()),
    create: async (plan, actor) => {
      const id = `link-${Buffer.from(random.bytes(6)).toString('hex')}`;
      await storage.transaction(async (tx) => {
        await insertChange(tx, await newChange(tx, { id, plan, actor, now: clock.now() }));
        await audit(tx, { at: clock.now(), actor, verb: 'create', id, detail: { plan } });
      });
      await advanceOne(id);
      return view(id);
    },
    stop: async (id, actor) => {
      await step(options, id, async (tx, before) => {
        if (before.state !== 'running') throw new CoveyError('CONFLICT', `${id} is ${before.state} already`);
        await audit(tx, { at: clock.now(), actor, verb: 'stop', id, detail: {} });
        return stop(before, `${actor} stopped it`, clock.now());
      });
      return view(id);
    },
    view,
    list: async (limit) => Promise.all((await changeIds(storage.db, limit)).map(view)),
    tick: async () => {
      for (const id of await runningChangeIds(storage.db)) await advanceOne(id);
      for (const id of await awaitedChangeIds(storage.db, mostAwaited)) await advanceOne(id);
    },
  };
}

/** The next state with what follows from it, in one transaction. Errors: NOT_FOUND. */
async function step(
  { storage, clock, onDesired, onChange }: LinksOptions,
  id: string,
  decide: (tx: Tx, before: LinkChange) => Promise<LinkChange>,
): Promise<void> {
  const told = await storage.transaction(async (tx) => {
    const before = await changeOrRefuse(tx, id);
    const after = await decide(tx, before);
    if (after === before) return undefined;
    await updateChange(tx, before, after);
    if (after.state !== before.state)
      await audit(tx, {
        ...{ at: clock.now(), actor: 'system', verb: after.state, id },
        detail: { wave: after.wave + 1, reason: after.reason },
      });
    return carryOut(tx, before, after);
  });
  if (!told) return;
  onDesired(told);
  onChange(id);
}

/** Tells the devices of a wave that begins; at a stop, whoever has not moved is told that it is not to any more. */
async function carryOut(tx: Tx, before: LinkChange, after: LinkChange): Promise<string[]> {
  const { id, plan } = after;
  const moved = after.members.filter(({ movedAt }, index) => movedAt !== before.members[index]?.movedAt);
  for (const { device } of moved) await setLink(tx, device, settingsOf(id, plan));
  const told = moved.map(({ device }) => device);
  if (after.state === 'stopped' && before.state === 'running')
    for (const { device, state } of after.members)
      if (state !== 'kept' && (await withdrawLink(tx, device, id))) told.push(device);
  return told;
}

function settingsOf(id: string, { mqttUrl, deviceUrl, withinMs, caPem }: LinkChangePlan): LinkSettings {
  return { id, mqttUrl, deviceUrl, withinMs, ...(caPem !== undefined && { caPem }) };
}

async function newChange(
  tx: Tx,
  { id, plan, actor, now }: { id: string; plan: LinkChangePlan; actor: string; now: number },
): Promise<LinkChange> {
  const waves = await wavesOf(tx, plan, now);
  const wanted = new Set(waves.flat().map((row) => row.id));
  for (const other of await runningChangeIds(tx)) {
    const taken = (await readChange(tx, other))?.members.find(({ device }) => wanted.has(device));
    if (taken)
      throw new CoveyError(
        'CONFLICT',
        `device ${taken.device} is in ${other}, which runs: stop it or wait for its end`,
      );
  }
  const members = waves.flatMap((rows, wave) =>
    rows.map((row) => ({ device: row.id, wave, state: 'waiting' as const, reason: null, movedAt: null })),
  );
  const times = { createdAt: now, createdBy: actor, updatedAt: now };
  return { id, plan, state: 'running', reason: null, wave: -1, members, ...times };
}

async function wavesOf(db: Db | Tx, plan: LinkChangePlan, now: number) {
  // As the device checks it: also the addresses that this controller tells of itself.
  checkDocument(LinkSettingsSchema, settingsOf('link', plan), 'link change');
  if (plan.caPem !== undefined) checkAuthority(plan.caPem, now);
  const group = await devicesOf(db, plan.selector);
  if (group.length === 0) throw new CoveyError('NOT_FOUND', `no device matches ${plan.selector}`);
  return divideIntoWaves(group, plan.waves);
}

/** Errors: INVALID_ARGUMENT. */
function checkAuthority(pem: string, now: number): void {
  const expired = readAuthorities(pem).find(({ validToDate }) => validToDate.getTime() <= now);
  if (expired)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `the authority has expired on ${expired.validToDate.toISOString()}`,
    );
}

async function previewOf(db: Db, plan: LinkChangePlan, now: number): Promise<LinkChangePreview> {
  const waves = await wavesOf(db, plan, now);
  return {
    mqttUrl: plan.mqttUrl,
    deviceUrl: plan.deviceUrl,
    waves: waves.map((rows) => ({
      devices: rows.map((row) => ({
        device: row.id,
        online: row.online === 1,
        lastSeenAt: row.last_seen_at,
      })),
    })),
  };
}

async function changeOrRefuse(db: Db | Tx, id: string): Promise<LinkChange> {
  const change = await readChange(db, id);
  if (!change) throw new CoveyError('NOT_FOUND', `there is no link change ${id}`);
  return change;
}

function viewOf({ members, ...change }: LinkChange): LinkChangeView {
  const waveCount = 1 + Math.max(...members.map(({ wave }) => wave));
  return {
    ...change,
    wave: Math.max(0, change.wave),
    waves: Array.from({ length: waveCount }, (_, index) => ({
      devices: members
        .filter(({ wave }) => wave === index)
        .map(({ device, state, reason }) => ({ device, state, reason })),
    })),
  };
}

function audit(
  tx: Tx,
  { at, actor, verb, id, detail }: { at: number; actor: string; verb: string; id: string; detail: object },
): Promise<void> {
  return writeAudit(tx, { at, actor, action: `link.${verb}`, subject: `link:${id}`, detail });
}
