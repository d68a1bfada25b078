import type { Executor } from './context.ts';

/** Ends the work under way; what it still says is not listened to. */
export const cancel: Executor<'cancel'> = async (_step, context) => {
  context.cancelWork();
  return null;
};
