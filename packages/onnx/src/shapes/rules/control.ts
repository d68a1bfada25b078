import { elementTypes, intAttribute, intsAttribute } from '../../model/index.ts';
import { type Call, fail, type Rule, type Rules } from '../call.ts';
import { common, type Known, known } from '../known.ts';

/** The branch taken where the condition is known, else what holds of both. */
const conditional: Rule = (call) => {
  const condition = call.inputs[0]?.contents?.[0];
  if (typeof condition === 'number')
    return call.infer(condition === 0 ? 'else_branch' : 'then_branch', []) ?? [];
  const taken = call.infer('then_branch', []) ?? [];
  const other = call.infer('else_branch', []) ?? [];
  return call.node.outputs.map((_, index) => common(taken[index], other[index]));
};

const withoutContents = (value: Known | undefined) => value && known(value.elementType, value.shape);

/** How often carried values may change their type from one turn to the next until they are given up as unknown. */
const maxTurns = 4;

/**
 * What holds of the values that a body carries from turn to turn, in every turn, and the body's outputs for these.
 * `bodyOf` infers the body from carried values; its outputs begin with their successors.
 */
function settled(
  initial: readonly (Known | undefined)[],
  bodyOf: (carried: readonly (Known | undefined)[]) => readonly (Known | undefined)[],
): { carried: (Known | undefined)[]; outputs: readonly (Known | undefined)[] } {
  let carried = initial.map(withoutContents);
  for (let turn = 0; turn < maxTurns; turn++) {
    const outputs = bodyOf(carried);
    const next = carried.map((value, index) => withoutContents(common(value, outputs[index])));
    if (next.every((value, index) => isSame(value, carried[index]))) return { carried, outputs };
    carried = next;
  }
  const unknown = initial.map(() => undefined);
  return { carried: unknown, outputs: bodyOf(unknown) };
}

function isSame(a: Known | undefined, b: Known | undefined): boolean {
  if (a?.shape === undefined || b?.shape === undefined)
    return a?.shape === b?.shape && a?.elementType === b?.elementType;
  return a.elementType === b.elementType && a.shape.every((dimension, axis) => dimension === b.shape?.[axis]);
}

/** Turns, a condition, carried values -> the carried values at the end, and what each turn gave, stacked. */
const loop: Rule = (call) => {
  const initial = call.inputs.slice(2);
  const turn = known(elementTypes.INT64, []);
  const condition = known(elementTypes.BOOL, []);
  const bodyOf = (carried: readonly (Known | undefined)[]) =>
    (call.infer('body', [turn, condition, ...carried]) ?? []).slice(1);
  const { carried, outputs } = settled(initial, bodyOf);
  const stacked = outputs
    .slice(initial.length)
    .map((value) => value && known(value.elementType, value.shape && [null, ...value.shape]));
  return [...carried, ...stacked];
};

/** States and sequences, the latter taken apart along an axis and put together again. */
const scan: Rule = (call) => {
  const { node } = call;
  // Before opset 9 all had a batch dimension in front.
  if (call.version < 9) return [];
  const sequences = intAttribute(node, 'num_scan_inputs') ?? 0;
  const states = node.inputs.length - sequences;
  if (sequences < 1 || states < 0)
    return fail(call, `${sequences} of ${node.inputs.length} inputs cannot be scanned`);
  const axes = intsAttribute(node, 'scan_input_axes') ?? [];
  const outputAxes = intsAttribute(node, 'scan_output_axes') ?? [];
  const [length, elements] = takeApart(call, states, axes);
  const bodyOf = (carried: readonly (Known | undefined)[]) =>
    call.infer('body', [...carried, ...elements]) ?? [];
  const { carried, outputs } = settled(call.inputs.slice(0, states), bodyOf);
  const stacked = outputs.slice(states).map((value, index) => {
    if (value?.shape === undefined) return value;
    const axis = outputAxes[index] ?? 0;
    const at = axis < 0 ? axis + value.shape.length + 1 : axis;
    return known(value.elementType, value.shape.toSpliced(at, 0, length));
  });
  return [...carried, ...stacked];
};

/** The length of the scanned inputs and the type of one element of each. */
function takeApart(
  call: Call,
  states: number,
  axes: readonly number[],
): [number | string | null, (Known | undefined)[]] {
  let length: number | string | null = null;
  const elements = call.inputs.slice(states).map((input, index) => {
    if (input?.shape === undefined) return input;
    const axis = axes[index] ?? 0;
    const at = axis < 0 ? axis + input.shape.length : axis;
    length ??= input.shape[at] ?? null;
    return known(input.elementType, input.shape.toSpliced(at, 1));
  });
  return [length, elements];
}

export const controlRules: Rules = { If: conditional, Loop: loop, Scan: scan };
