import { CommandSchema, parseDocument } from '@covey/protocol';

/** Ids of commands remembered; a command expires, so that forgetting the oldest is safe enough. */
const seenCommands = 1_000;

/** Carries out the controller's one-off orders: each once, and none past its time. */
export interface Commands {
  /** Errors: WIRE_MALFORMED, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT. */
  received(payload: Uint8Array): void;
}

export interface CommandHandlers {
  /** The time by which commands expire, unix milliseconds. */
  now(): number;
  reconnect(afterMs: number): void;
  report(): void;
}

export function createCommands(handlers: CommandHandlers): Commands {
  const seen = new Set<string>();
  return {
    received: (payload) => {
      const command = parseDocument(CommandSchema, payload, 'command');
      if (command.expiresAt < handlers.now() || seen.has(command.id)) return;
      if (seen.size >= seenCommands) seen.clear();
      seen.add(command.id);
      if (command.kind === 'reconnect') handlers.reconnect(command.retryAfterMs ?? 0);
      else handlers.report();
    },
  };
}
