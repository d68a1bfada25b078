import { CoveyError } from '@covey/protocol';
import type { Engine, InferenceReply, Selector, Servable } from '../engine/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { Call } from './call.ts';

/** An inference that a message asks for. */
export interface Asked {
  inputs: Tensors;
  priority: number;
  /** From when the message had been read. */
  timeoutMs: number | undefined;
}

/**
 * Routes and runs. `read` is given what answers, for its schema; what it throws counts as a refused request. Errors: FORBIDDEN, those of
 * Engine.route, of `read` and of Engine.infer.
 */
export async function infer<A extends Asked>(
  engine: Engine,
  call: Call,
  model: { model: string; version: string | undefined },
  read: (servable: Servable) => A,
): Promise<{ asked: A; reply: InferenceReply }> {
  const receivedMs = performance.now();
  const { deadlineMs, key, traceparent, tracestate } = call.metadata;
  call.caller.check({ model: model.model });
  const selector: Selector = { ...model, key };
  const servable = engine.route(selector);
  const asked = refusing(engine, servable, () => read(servable));
  const untilDeadlineMs = deadlineMs === undefined ? undefined : deadlineMs - receivedMs;
  if (untilDeadlineMs !== undefined && untilDeadlineMs <= 0) {
    throw new CoveyError(
      'DEADLINE_EXCEEDED',
      'the deadline of the call had passed when its request was there',
    );
  }
  const timeoutMs = Math.min(asked.timeoutMs ?? Infinity, untilDeadlineMs ?? Infinity);
  const reply = await engine.infer(servable, {
    inputs: asked.inputs,
    priority: asked.priority,
    timeoutMs: timeoutMs === Infinity ? undefined : timeoutMs,
    caller: call.caller.name,
    traceparent,
    tracestate,
    signal: call.signal,
    receivedMs,
  });
  return { asked, reply };
}

function refusing<T>(engine: Engine, servable: Servable, read: () => T): T {
  try {
    return read();
  } catch (error) {
    engine.refused(servable);
    throw error;
  }
}
