import { CoveyError } from '@covey/protocol';
import type { Node } from '../model/index.ts';
import { type Affine, affineOf, type IntegerType, type Range } from './affine.ts';
import { dataInputs, type Region } from './region.ts';

/** What each activation value was seen to take, by name. */
export type Ranges = Map<string, Range>;

/** Sets of values that must have one scale: those that a moving node takes and gives. */
class ScaleGroups {
  readonly #parents = new Map<string, string>();

  join(one: string, other: string): void {
    this.#parents.set(this.find(one), this.find(other));
  }

  /** The value that stands for the group of `name`. */
  find(name: string): string {
    let root = name;
    for (let parent = this.#parents.get(root); parent !== undefined && parent !== root; ) {
      root = parent;
      parent = this.#parents.get(root);
    }
    // Compressed, so that long chains of moving nodes stay cheap.
    for (let step = name; step !== root; ) {
      const next = this.#parents.get(step) ?? root;
      this.#parents.set(step, root);
      step = next;
    }
    return root;
  }
}

/**
 * Activation values whose ranges a region needs. What a moving node gives is not among them, since it has the scale of
 * what it takes; nor is what a Relu or Clip takes: it is stored with the scale of what they give, because saturating
 * first changes nothing.
 */
export function activationValues({ roles, clips, constants }: Region): Set<string> {
  const moved = new Set<string>();
  for (const [node, role] of roles)
    if (role === 'moving') for (const output of node.outputs) moved.add(output);
  const values = new Set<string>();
  for (const [node, role] of roles) {
    const taken = role === 'weighted' ? node.inputs.slice(0, 1) : dataInputs(node);
    for (const name of [...taken, ...(clips.get(node) ?? node).outputs])
      if (name !== '' && !constants.has(name) && !moved.has(name)) values.add(name);
  }
  return values;
}

/**
 * Values whose ranges any choice of nodes to keep in fp32 may need: behind one that is kept, what a moving node gives is
 * a value of its own.
 */
export function observedValues(region: Region): Set<string> {
  const values = activationValues(region);
  for (const [node, role] of region.roles)
    if (role === 'moving') for (const output of node.outputs) if (output !== '') values.add(output);
  return values;
}

/**
 * The scale and zero point of every activation value of a region. Errors: INVALID_ARGUMENT naming a value without a
 * range, or with one that is no range.
 */
export class ActivationScales {
  readonly #groups = new ScaleGroups();
  readonly #affines = new Map<string, Affine>();

  constructor(region: Region, rangeOf: (value: string) => Range, type: IntegerType, symmetric: boolean) {
    for (const [node, role] of region.roles) if (role === 'moving') this.#joinMoved(node);
    const ranges = new Map<string, Range>();
    for (const value of activationValues(region)) {
      const { min, max } = rangeOf(value);
      const group = this.#groups.find(value);
      const known = ranges.get(group) ?? { min, max };
      ranges.set(group, { min: Math.min(known.min, min), max: Math.max(known.max, max) });
    }
    for (const [group, range] of ranges) this.#affines.set(group, affineOf(range, type, symmetric));
  }

  of(value: string): Affine {
    const affine = this.#affines.get(this.#groups.find(value));
    if (affine === undefined) throw new CoveyError('INTERNAL', `no scale for "${value}"`);
    return affine;
  }

  #joinMoved(node: Node): void {
    const [input = ''] = node.inputs;
    for (const output of node.outputs) if (output !== '') this.#groups.join(output, input);
  }
}

/** A lookup of ranges that refuses what is missing or senseless. */
export function checkedRanges(ranges: ReadonlyMap<string, Range>): (value: string) => Range {
  return (value) => {
    const range = ranges.get(value);
    if (range === undefined)
      throw new CoveyError('INVALID_ARGUMENT', `there is no calibrated range for "${value}"`);
    if (!(Number.isFinite(range.min) && Number.isFinite(range.max) && range.min <= range.max))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the range ${range.min} to ${range.max} of "${value}" is no range of finite numbers`,
      );
    return range;
  };
}
