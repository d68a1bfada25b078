import type { Clock, Random } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type {
  RequestedRollout,
  RollbackAnswer,
  RollbackRequest,
  RolloutPlan,
  RolloutView,
} from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { Db, Storage, Tx } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { advance, command, type RolloutCommand } from './advance.ts';
import { carryOut } from './carry-out.ts';
import { choose, createRollout } from './create.ts';
import { isUnderWay, phaseOf } from './member.ts';
import { rollBack } from './rollback.ts';
import type { Observations, Rollout } from './state.ts';
import { activeRollouts, observe, readRollout, watchedRollouts } from './store.ts';

/** What has succeeded is looked at less often than what is under way. */
const watchIntervalMs = 15_000;

export interface Rollouts {
  /** `plan.version` is a published version. Errors: see createRollout. */
  create(plan: RolloutPlan, actor: string): Promise<RequestedRollout>;
  /** What cannot begin now shall not be promised, nor its transfers made. Errors: those of `create` that follow from version and group. */
  check(plan: Pick<RolloutPlan, 'model' | 'version' | 'selector'>): Promise<void>;
  /** Errors: NOT_FOUND, CONFLICT when its state does not allow the order. */
  order(id: string, order: RolloutCommand, actor: string): Promise<RolloutView>;
  rollBack(request: RollbackRequest, actor: string): Promise<RollbackAnswer>;
  /** Errors: NOT_FOUND. */
  view(id: string): Promise<RolloutView>;
  /** Newest first. */
  list(query: { model?: string | undefined; limit: number }): Promise<RolloutView[]>;
  /** Moves every rollout on as far as its evidence goes. All is read from storage: after a crash the next tick goes on. */
  tick(): Promise<void>;
}

export interface RolloutsOptions {
  storage: Storage;
  clock: Clock;
  random: Random;
  trust: Pick<Trust, 'signedFor'>;
  /** After a commit: these devices' desired states changed. */
  onDesired: (devices: readonly string[]) => void;
  onChange: (rollout: string) => void;
}

export function createRollouts(options: RolloutsOptions): Rollouts {
  const { storage, clock, random, trust, onDesired, onChange } = options;
  const newId = (prefix: string) => `${prefix}-${Buffer.from(random.bytes(6)).toString('hex')}`;
  const view = (id: string) => viewOf(storage.db, id);
  const advanceRollout = (id: string) => advanceFully(options, id);
  let nextWatchAt = 0;
  return {
    create: (plan, actor) => request(options, plan, { id: newId('rollout'), actor }),
    check: async (plan) => {
      const isSignedFor = await trust.signedFor(plan.model, plan.version);
      await storage.transaction((tx) => choose(tx, plan, isSignedFor));
    },
    order: async (id, order, actor) => {
      const devices = await storage.transaction(async (tx) => {
        const before = await rolloutOrRefuse(tx, id);
        const seen = await observe(tx, before);
        const step = command(before, order, actor, { seen, now: clock.now() });
        if (!step) throw new CoveyError('CONFLICT', `rollout ${id} is ${before.state}: it cannot ${order}`);
        await audit(tx, clock.now(), actor, order, id, {});
        return carryOut(tx, before, step, clock.now());
      });
      onDesired(devices);
      onChange(id);
      await advanceRollout(id);
      return view(id);
    },
    rollBack: async ({ model, selector }, actor) => {
      const id = newId('rollback');
      const answer = await storage.transaction((tx) =>
        rollBack(tx, { id, model, selector, actor, now: clock.now() }),
      );
      onDesired(answer.devices.map(({ device }) => device));
      for (const rollout of answer.aborted) onChange(rollout);
      return answer;
    },
    view,
    list: (query) => listRollouts(storage.db, query),
    tick: async () => {
      for (const id of await activeRollouts(storage.db)) await advanceRollout(id);
      if (clock.now() < nextWatchAt) return;
      nextWatchAt = clock.now() + watchIntervalMs;
      for (const id of await watchedRollouts(storage.db, clock.now())) await advanceRollout(id);
    },
  };
}

/** Stores what was asked for, and begins it where there is something to do. */
async function request(
  options: RolloutsOptions,
  plan: RolloutPlan,
  { id, actor }: { id: string; actor: string },
): Promise<RequestedRollout> {
  const { storage, clock, trust, onChange } = options;
  const now = clock.now();
  const isSignedFor = await trust.signedFor(plan.model, plan.version);
  const answered = await storage.transaction(async (tx) => {
    const found = await createRollout(tx, plan, { id, actor, now, isSignedFor });
    if (found !== id) return found;
    const { reason } = await rolloutOrRefuse(tx, id);
    await audit(tx, now, actor, 'create', id, { plan, ...(reason !== null && { reason }) });
    return id;
  });
  if (answered === id) {
    onChange(id);
    await advanceFully(options, id);
  }
  const rollout = await viewOf(storage.db, answered);
  return { ...rollout, begun: answered === id && rollout.waves.length > 0 };
}

/** Moves on until nothing more follows from what is known; bounded by the machine: each step leaves a state behind. */
async function advanceFully(options: RolloutsOptions, id: string): Promise<void> {
  const { storage, clock, onDesired, onChange } = options;
  for (let hasChanged = true; hasChanged; ) {
    const step = await storage.transaction(async (tx) => {
      const before = await readRollout(tx, id);
      if (!before) return { hasChanged: false, devices: [] };
      const next = advance(before, await observe(tx, before), clock.now());
      const devices = await carryOut(tx, before, next, clock.now());
      return { hasChanged: next.rollout !== before, devices };
    });
    onDesired(step.devices);
    if (step.hasChanged) onChange(id);
    hasChanged = step.hasChanged;
  }
}

async function listRollouts(
  db: Db,
  { model, limit }: { model?: string | undefined; limit: number },
): Promise<RolloutView[]> {
  const rows = await db
    .selectFrom('rollouts')
    .select(['id', 'plan'])
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  const wanted = rows.filter(
    (row) => model === undefined || (JSON.parse(row.plan) as RolloutPlan).model === model,
  );
  return Promise.all(wanted.slice(0, limit).map(({ id }) => viewOf(db, id)));
}

async function rolloutOrRefuse(db: Db, id: string): Promise<Rollout> {
  const rollout = await readRollout(db, id);
  if (!rollout) throw new CoveyError('NOT_FOUND', `there is no rollout ${id}`);
  return rollout;
}

function audit(tx: Tx, at: number, actor: string, verb: string, id: string, detail: object): Promise<void> {
  return writeAudit(tx, { at, actor, action: `rollout.${verb}`, subject: `rollout:${id}`, detail });
}

async function viewOf(db: Db, id: string): Promise<RolloutView> {
  const rollout = await rolloutOrRefuse(db, id);
  const { members, waves, phaseStartedAt: _, ...rest } = rollout;
  const seen: Observations = members.some(isUnderWay) ? await observe(db, rollout) : new Map();
  const views = members.map(({ wave, ...member }) => ({
    wave,
    view: { ...member, phase: phaseOf({ wave, ...member }, seen.get(member.device)) },
  }));
  return {
    ...rest,
    waves: waves.map((state, index) => ({
      state,
      devices: views.filter(({ wave }) => wave === index).map(({ view }) => view),
    })),
  };
}
