import type { Constant } from '../model/index.ts';
import type { Pass } from './pass.ts';
import { renameTaken } from './rename.ts';
import { scopesOf } from './scope.ts';

/** Lets nodes share constants of one graph that have the same type, dimensions and bytes; outputs keep their own. */
export const mergeConstants: Pass = {
  name: 'merge-constants',
  summary: 'keeps one of constants that are equal',
  apply(model) {
    let changes = 0;
    for (const { graph } of scopesOf(model)) {
      const named = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
      const groups = Map.groupBy(
        [...graph.initializers.values()].filter(({ name, data }) => data.kind === 'raw' && !named.has(name)),
        ({ elementType, dims, data }) =>
          `${elementType} ${dims} ${data.kind === 'raw' ? hash(data.bytes) : ''}`,
      );
      const renames = new Map([...groups.values()].flatMap(sameAsFirst));
      for (const name of renames.keys()) graph.initializers.delete(name);
      for (const node of graph.nodes) renameTaken(node, renames);
      changes += renames.size;
    }
    return changes;
  },
};

/** 32-bit FNV-1a over at most 4096 bytes spread over all: equality is decided byte by byte, this only sorts. */
function hash(bytes: Uint8Array): number {
  const step = Math.max(1, Math.floor(bytes.byteLength / 4096));
  let state = 0x811c9dc5;
  for (let index = 0; index < bytes.byteLength; index += step)
    state = Math.imul(state ^ (bytes[index] ?? 0), 0x01000193);
  return state;
}

/** Pairs of a constant and an earlier one that it equals; what the first of a group does not equal is left alone. */
function sameAsFirst(group: readonly Constant[]): [string, string][] {
  const [first, ...others] = group;
  if (first === undefined) return [];
  return others.filter((other) => hasSameBytes(first, other)).map(({ name }) => [name, first.name]);
}

function hasSameBytes({ data: a }: Constant, { data: b }: Constant): boolean {
  if (a.kind !== 'raw' || b.kind !== 'raw' || a.bytes.byteLength !== b.bytes.byteLength) return false;
  return a.bytes.every((byte, index) => byte === b.bytes[index]);
}
