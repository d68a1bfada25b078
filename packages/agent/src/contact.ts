import type { Clock, Ports } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { askStanding, createKeeper, type Keeper } from './identity/index.ts';
import {
  type Connection,
  type ConnectionHandlers,
  createConnection,
  createLinkTrial,
  type LinkTrial,
  type LinkTrialHandlers,
} from './link/index.ts';
import type { Parts } from './parts.ts';

/** All that reaches out to the controller by itself. */
export interface Contact {
  readonly connection: Connection;
  readonly keeper: Keeper;
  readonly linkTrial: LinkTrial;
  /**
   * Greets again when inference listens elsewhere than the controller was told: that is known only once it does, and the
   * birth has often been sent by then. Errors: those of Connection.publish.
   */
  announce(inferenceUrl: string | null): Promise<void>;
}

export interface ContactHandlers extends Pick<LinkTrialHandlers, 'mayTry' | 'event' | 'changed'> {
  connection: ConnectionHandlers;
}

export function createContact(
  ports: Ports,
  { store, routes, bootId }: Pick<Parts, 'store' | 'routes' | 'bootId'>,
  handlers: ContactHandlers,
): Contact {
  if ('lost' in store) return noContact(ports.clock);
  let toldUrl: string | null = null;
  const birth = () => {
    const document = handlers.connection.birth();
    toldUrl = document.inferenceUrl ?? null;
    return document;
  };
  const connection = createConnection(
    { ...ports, log: ports.log.component('link') },
    store.identity,
    routes,
    bootId,
    { ...handlers.connection, birth },
  );
  return {
    connection,
    announce: async (url) => {
      if (url !== null && url !== toldUrl && connection.state === 'online') await connection.greetAgain();
    },
    keeper: createKeeper({ ...ports, log: ports.log.component('identity') }, store, {
      renewed: () => connection.reconnect(0),
    }),
    linkTrial: createLinkTrial(ports, store, {
      mayTry: handlers.mayTry,
      ask: () => askStanding(ports, store),
      moved: () => connection.moved(),
      event: handlers.event,
      changed: handlers.changed,
    }),
  };
}

/** Of a device that does not know any more who it is: it tries nothing, as nobody would answer it. */
function noContact(clock: Clock): Contact {
  const nothing = () => {};
  const nothingLater = async () => {};
  return {
    announce: nothingLater,
    connection: {
      state: 'stopped',
      url: '',
      start: nothing,
      stop: nothingLater,
      reconnect: nothing,
      moved: nothing,
      publish: async () => {
        throw new CoveyError('UNREACHABLE', 'not connected to the controller');
      },
      greetAgain: nothingLater,
    },
    keeper: { now: () => clock.now(), refusal: null, online: nothing, failed: nothing, stop: nothing },
    linkTrial: {
      reported: undefined,
      start: nothingLater,
      stop: nothing,
      want: nothingLater,
      retry: nothingLater,
      heard: nothing,
      failed: nothing,
    },
  };
}
