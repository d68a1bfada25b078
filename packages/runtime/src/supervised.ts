import type { Clock, Log } from '@covey/ports';
import { type AgentToRuntime, type RuntimeToAgent, toCoveyError } from '@covey/protocol';
import { createInferenceServer, type InferenceServer } from './server.ts';

/** The runtime's side of its process: how it hears from the agent, and how it ends. */
export interface ProcessEdge {
  clock: Clock;
  log: Log;
  /** Resolves when the message has left this process. */
  send(message: RuntimeToAgent): Promise<void>;
  onMessage(handler: (message: AgentToRuntime) => void): void;
  /** The agent is gone, or the process was told to end. */
  onStop(handler: () => void): void;
  exit(code: number): void;
}

/** Exit code of a runtime that could not start. */
const exitCannotStart = 1;

/** Serves until told to drain. Plans that arrive before the server listens wait for it, but in a spare. */
export function runRuntime(edge: ProcessEdge): void {
  let server: InferenceServer | undefined;
  let listening: Promise<void> = Promise.resolve();
  let stopping = false;
  /** Messages on their way: those still here when the process ends are lost. */
  const leaving = new Set<Promise<void>>();

  const send = (message: RuntimeToAgent) => {
    const left = edge.send(message).finally(() => leaving.delete(left));
    leaving.add(left);
    return left;
  };
  const listen = async () => {
    try {
      const address = await server?.listen();
      if (address) await send({ type: 'ready', ...address });
    } catch (error) {
      stopping = true;
      await send({ type: 'failed', error: toCoveyError(error).toJSON() });
      edge.exit(exitCannotStart);
    }
  };
  const start = ({ type: _type, standby, ...options }: StartMessage) => {
    const { clock, log } = edge;
    server = createInferenceServer({ ...options, clock, log, send: (message) => void send(message) });
    if (!standby) listening = listen();
  };
  const apply = async ({ plan }: ApplyMessage) => {
    try {
      await listening;
      await server?.apply(plan);
      await send({ type: 'applied', plan: plan.plan });
    } catch (error) {
      edge.log.write('warn', `plan ${plan.plan} was not applied: ${String(error)}`);
      await send({ type: 'applied', plan: plan.plan, error: toCoveyError(error).toJSON() });
    }
  };
  const stop = async () => {
    // Also set when the server could not start.
    if (stopping) return;
    stopping = true;
    await listening;
    await server?.drain();
    await Promise.all(leaving);
    edge.exit(0);
  };
  edge.onMessage((message) => {
    if (message.type === 'start') start(message);
    else if (message.type === 'listen') listening = listen();
    else if (message.type === 'apply') void apply(message);
    else void stop();
  });
  edge.onStop(() => void stop());
}

type StartMessage = Extract<AgentToRuntime, { type: 'start' }>;
type ApplyMessage = Extract<AgentToRuntime, { type: 'apply' }>;
