import type { Step, StepKind } from '../plan/index.ts';
import type { UpdateEvent } from '../update/index.ts';
import { cancel } from './cancel.ts';
import { collect } from './collect.ts';
import type { Executor, StepContext } from './context.ts';
import { download } from './download.ts';
import { probe } from './probe.ts';
import { serve } from './serve.ts';
import { confirm, switchTo } from './software.ts';
import { verify } from './verify.ts';

export type { StepContext } from './context.ts';

/** One executor for each kind of step: a step without one does not compile. */
const executors: { [K in StepKind]: Executor<K> } = {
  serve,
  download,
  verify,
  probe,
  switch: switchTo,
  confirm,
  collect,
  cancel,
};

/** Does a step. Rejects with what went wrong; an aborted step may end either way. */
export function execute(step: Step, context: StepContext, signal: AbortSignal): Promise<UpdateEvent | null> {
  return dispatch(step.kind, step, context, signal);
}

function dispatch<K extends StepKind>(
  kind: K,
  step: Step,
  context: StepContext,
  signal: AbortSignal,
): Promise<UpdateEvent | null> {
  return executors[kind](step as Extract<Step, { kind: K }>, context, signal);
}
