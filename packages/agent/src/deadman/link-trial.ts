import type { Ports, Timer } from '@covey/ports';
import type { LinkSettings } from '@covey/protocol';
import type { IdentityStore } from '../identity/index.ts';
import { advanceDeadMan, type DeadManEvent } from './deadman.ts';

/** Backoff tries every two minutes at the latest, and every other time by another route. */
const contactWithinMs = 15 * 60_000;

/** Changes of the way to the controller, on trial until the controller is heard by the new way. */
export interface LinkTrial {
  /** Counts a start of the agent with a trial under way. Errors: those of the disk. */
  start(): Promise<void>;
  stop(): void;
  /** The controller wants to be reached so. Errors: those of the disk; then nothing has changed. */
  offer(link: LinkSettings): Promise<void>;
  /** The controller was heard. */
  heard(): Promise<void>;
}

export interface LinkTrialHandlers {
  /** The way has changed: connect anew. */
  changed(): void;
  event(kind: string, message: string): void;
}

export function createLinkTrial(
  { clock }: Pick<Ports, 'clock'>,
  store: IdentityStore,
  handlers: LinkTrialHandlers,
): LinkTrial {
  let timer: Timer | null = null;
  const wait = () => {
    timer?.cancel();
    timer = store.link.trial && clock.setTimer(contactWithinMs, () => void tell({ kind: 'timeOver' }));
  };
  const tell = async (event: DeadManEvent<LinkSettings>, settings?: LinkSettings) => {
    const { deadMan, restore } = advanceDeadMan(store.link, event);
    if (deadMan === store.link) return false;
    const trial = store.link.trial;
    const change = settings ?? restore;
    await store.save({ link: deadMan, ...(change && waysOf(change)) });
    wait();
    if (restore)
      handlers.event('link-restored', `no contact by the link ${trial?.id}: the one before holds again`);
    if (event.kind === 'contact')
      handlers.event('link-changed', `contact by the link ${trial?.id}: it holds`);
    if (change) handlers.changed();
    return true;
  };
  return {
    start: async () => {
      await tell({ kind: 'started' });
      wait();
    },
    stop: () => timer?.cancel(),
    offer: async (link) => {
      const { mqttUrl, deviceUrl, caPem } = store.identity;
      if (link.mqttUrl === mqttUrl && link.deviceUrl === deviceUrl && caPem.includes(link.caPem ?? ''))
        return;
      const before = { id: 'before', mqttUrl, deviceUrl, caPem };
      const added = link.caPem && !caPem.includes(link.caPem) ? `${caPem}\n${link.caPem}` : caPem;
      await tell({ kind: 'tried', id: link.id, before }, { ...link, caPem: added });
    },
    heard: async () => {
      if (store.link.trial) await tell({ kind: 'contact' });
    },
  };
}

function waysOf({ mqttUrl, deviceUrl, caPem }: LinkSettings) {
  return { mqttUrl, deviceUrl, ...(caPem !== undefined && { caPem }) };
}
