import type { Log } from '@covey/ports';
import { toCoveyError, type UpKind } from '@covey/protocol';
import type { MessageHandler } from './bus.ts';

/** Hands messages to the handler one at a time per device, in the order they came; devices do not wait for each other. */
export interface Inbox {
  /** Calls `done` when the message has been handled, whatever became of it. */
  put(device: string, kind: UpKind, payload: Uint8Array, done: () => void): void;
  /** Waits until nothing is being handled. */
  settle(): Promise<void>;
}

export function createInbox(handler: MessageHandler, log: Log): Inbox {
  const tails = new Map<string, Promise<void>>();
  return {
    put: (device, kind, payload, done) => {
      const handled = (tails.get(device) ?? Promise.resolve())
        .then(() => handler(device, kind, payload))
        .catch((error) =>
          log.write('error', 'a message was not handled', { device, kind, ...toCoveyError(error).toJSON() }),
        )
        .finally(() => {
          if (tails.get(device) === handled) tails.delete(device);
          done();
        });
      tails.set(device, handled);
    },
    settle: async () => {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
