import { Held, noOrder, openPassage, type Passage } from '../delivery/index.ts';
import type { UpdateEvent } from '../update/index.ts';
import type { StepContext } from './context.ts';

/** The way of the release under way through its policy. */
export async function passageOf({ ports, delivery, update }: StepContext): Promise<Passage> {
  const { desired } = update();
  return openPassage(ports, delivery, desired ?? noOrder);
}

/** The event of what may not go on now; undefined for any other error. */
export function heldEvent(error: unknown, generation: number, { now }: StepContext): UpdateEvent | undefined {
  if (!(error instanceof Held)) return undefined;
  const { code, message, waitMs } = error;
  // The policy reads the clock on the wall, the ledger one that never goes back: what they share is how long it takes.
  return { kind: 'held', generation, code, message, until: waitMs === null ? null : now() + waitMs };
}

/** Whether what serves may be replaced now: the event that says no, or null. */
export async function heldBack(context: StepContext, generation: number): Promise<UpdateEvent | null> {
  try {
    await (await passageOf(context)).pass('change', null);
    return null;
  } catch (error) {
    const event = heldEvent(error, generation, context);
    if (event) return event;
    throw error;
  }
}
