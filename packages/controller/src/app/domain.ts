import type { Clock, Ports } from '@covey/ports';
import { createRefusalAudit, type RefusalAudit } from '../audit/index.ts';
import type { Bus } from '../bus/index.ts';
import { type Changes, createChanges } from '../changes/index.ts';
import { type ClonePolicy, type Clones, createClones } from '../clones/index.ts';
import { fleetHandlers, resetPresence } from '../fleet/index.ts';
import { createIngest, forgetBoots, type IngestHandlers } from '../ingest/index.ts';
import { createLinks, type Links, noteRefusal } from '../links/index.ts';
import { monitoringHandlers, pruneTelemetry } from '../monitoring/index.ts';
import { createOutbox } from '../outbox/index.ts';
import { createRegistry, type Registry } from '../registry/index.ts';
import { createRollouts, type Rollouts, supersede } from '../rollouts/index.ts';
import { createScheduler, type Task } from '../scheduler/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';

const tickMs = 1_000;
const pruneMs = 60_000;
const renewMs = 60_000;

export interface DomainOptions {
  ports: Pick<Ports, 'clock' | 'random' | 'log'>;
  storage: Storage;
  /** Not yet started; the domain takes its messages. */
  bus: Bus;
  trust: Trust;
  /** What follows when two machines use the identity of one device. */
  clonePolicy?: ClonePolicy;
  /** Ends every connection of a device; where nothing is given, its MQTT session. */
  disconnect?: (device: string) => void;
  /** What else is to be done now and then. */
  tasks?: readonly Task[];
}

/** The controller without sockets, TLS or files: what the simulator runs. */
export interface Domain {
  trust: Trust;
  registry: Registry;
  rollouts: Rollouts;
  links: Links;
  changes: Changes;
  refusals: RefusalAudit;
  clones: Clones;
  /** To be called before the bus starts: forgets who was connected and takes up what was under way. */
  start(): Promise<void>;
  /** To be called after the bus has stopped. Answers who waits, and finishes what is being written. */
  stop(): Promise<void>;
}

export function createDomain(options: DomainOptions): Domain {
  const { ports, storage, bus, trust, clonePolicy = 'report', tasks = [] } = options;
  const { clock, random } = ports;
  const log = ports.log.component('controller');
  const changes = createChanges({ clock, random });
  const outbox = createOutbox({ storage, bus, clock, log });
  const refusals = createRefusalAudit({ storage, clock, log });
  const noteModel = (model: string) => changes.note('model', model);
  const registry = createRegistry({ storage, clock, trust, log, onChange: noteModel });
  const onDesired = (devices: readonly string[]) => {
    for (const device of devices) {
      outbox.wantDesired(device);
      changes.note('device', device);
    }
  };
  const kept = { storage, clock, random, onDesired };
  const rollouts = createRollouts({
    ...kept,
    trust,
    onChange: (rollout) => changes.note('rollout', rollout),
  });
  const links = createLinks({ ...kept, onChange: (id) => changes.note('link', id) });
  const own = tasksOf({ storage, rollouts, links, trust });
  const scheduler = createScheduler({ clock, log, tasks: [...own, ...tasks] });
  const disconnect = options.disconnect ?? ((device: string) => bus.disconnect(device));
  const clones = createClones({ storage, clock, policy: clonePolicy, disconnect });
  const ingest = createIngest({
    storage,
    outbox,
    refusals,
    log,
    handlers: handlersOf(clock, clones),
    onCommitted: (devices) => {
      clones.settle(devices);
      for (const device of devices) changes.note('device', device);
      scheduler.wake();
    },
  });
  bus.onMessage((device, kind, payload) => ingest.receive(device, kind, payload));
  return {
    trust,
    registry,
    rollouts,
    links,
    changes,
    refusals,
    clones,
    start: async () => {
      await resetPresence(storage.db);
      await forgetBoots(storage.db);
      scheduler.start();
    },
    stop: async () => {
      changes.stop();
      await scheduler.stop();
      await outbox.stop();
      await refusals.settle();
    },
  };
}

/**
 * Whether it is a copy is judged before a birth counts; a refusal is an event, and the end of the link change that is refused; what
 * is installed on a device itself takes it out of the rollouts before.
 */
function handlersOf(clock: Clock, clones: Clones): IngestHandlers {
  const fleet = fleetHandlers({
    clock,
    onInstalled: (tx, { device, model, by }) => supersede(tx, { model, devices: [device], by }),
  });
  const monitoring = monitoringHandlers({ clock });
  return {
    ...fleet,
    ...monitoring,
    event: async (tx, device, event, sent) => {
      await monitoring.event(tx, device, event, sent);
      if (event.kind === 'desired-refused') await noteRefusal(tx, device, event.message);
    },
    birth: async (tx, device, birth) => {
      await clones.birth(tx, device, birth);
      await fleet.birth(tx, device, birth);
    },
  };
}

function tasksOf({
  storage,
  rollouts,
  links,
  trust,
}: Pick<Domain, 'rollouts' | 'links' | 'trust'> & { storage: Storage }): Task[] {
  let pruned: string | null = null;
  return [
    { name: 'advancing rollouts', intervalMs: tickMs, run: () => rollouts.tick() },
    { name: 'advancing link changes', intervalMs: tickMs, run: () => links.tick() },
    { name: 'signing the timestamp', intervalMs: renewMs, run: () => trust.renew() },
    {
      name: 'pruning telemetry',
      intervalMs: pruneMs,
      run: async () => {
        pruned = await pruneTelemetry(storage, pruned);
      },
    },
  ];
}
