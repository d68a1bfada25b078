import type { Node } from '../model/index.ts';
import { type GraphView, isPassing, operandsOf, type Source, workOf } from './view.ts';

/** Nodes of two graphs that do the same work in the same place, and those without a counterpart. */
export interface Alignment {
  pairs: readonly (readonly [Node, Node])[];
  removed: readonly Node[];
  added: readonly Node[];
}

/** Beyond these many nodes left on a side the sequences are not compared: the table would take too much memory. */
const sequenceMax = 2000;

/**
 * Aligns two graphs by structure: nodes that compute the same from the inputs on, then nodes from which the outputs
 * follow in the same way, then those of one name, then the longest common sequence of what is left. Attributes and the
 * numbers in weights play no part, so that nodes pair that differ in them alone.
 */
export function alignGraphs(a: GraphView, b: GraphView): Alignment {
  const matching = new Matching(a.nodes, b.nodes);
  const ids = new Ids();
  matching.byKey(fromInputs(a, ids), fromInputs(b, ids));
  matching.byKey(towardsOutputs(a, ids), towardsOutputs(b, ids));
  matching.byKey(names(a), names(b));
  matching.inSequence(kinds(a, ids), kinds(b, ids));
  return matching.result();
}

type Keys = ReadonlyMap<Node, unknown>;

/** A number for each different text. */
class Ids {
  readonly #ids = new Map<string, number>();
  of(text: string): number {
    const id = this.#ids.get(text) ?? this.#ids.size;
    this.#ids.set(text, id);
    return id;
  }
}

/** What a node computes, as far as operators, the shapes of weights and the wiring before it say. */
function fromInputs(view: GraphView, ids: Ids): Keys {
  const keys = new Map<Node, number>();
  const textOf = (source: Source) =>
    source.kind === 'node' ? `${keys.get(source.node) ?? '?'}.${source.output}` : placeOf(source);
  for (const node of view.nodes)
    keys.set(
      node,
      ids.of(`${labelOf(node)}(${operandsOf(node).map((input) => textOf(view.source(input)))})`),
    );
  return keys;
}

/** What becomes of what a node gives: who takes it, at which input, up to the outputs. */
function towardsOutputs(view: GraphView, ids: Ids): Keys {
  const takers = new Map<Node, string[]>();
  const take = (value: string, text: string) => {
    const source = view.source(value);
    if (source.kind !== 'node') return;
    const texts = takers.get(source.node);
    if (texts) texts.push(`${source.output}>${text}`);
    else takers.set(source.node, [`${source.output}>${text}`]);
  };
  for (const [position, { name }] of view.graph.outputs.entries()) take(name, `output ${position}`);
  const keys = new Map<Node, number>();
  for (const node of view.nodes.toReversed()) {
    if (isPassing(node)) continue;
    const key = ids.of(`${kindOf(view, node)}{${(takers.get(node) ?? []).sort()}}`);
    keys.set(node, key);
    for (const [slot, input] of operandsOf(node).entries()) take(input, `${key}.${slot}`);
  }
  return keys;
}

function names(view: GraphView): Keys {
  return new Map(
    view.nodes.filter(({ name }) => name !== '').map((node) => [node, `${labelOf(node)} ${node.name}`]),
  );
}

function kinds(view: GraphView, ids: Ids): Keys {
  return new Map(view.nodes.map((node) => [node, ids.of(kindOf(view, node))]));
}

/** What a node is by itself: its operator and the shapes of its weights, not of what else may be constant or computed. */
function kindOf(view: GraphView, node: Node): string {
  const sources = operandsOf(node).map((input) => view.source(input));
  const weights = sources.filter((source) => source.kind === 'constant' && source.constant.dims.length > 1);
  return `${labelOf(node)}[${weights.map(placeOf)}]`;
}

function labelOf(node: Node): string {
  return `${node.domain === 'com.microsoft' ? '' : node.domain}:${workOf(node)}`;
}

function placeOf(source: Source): string {
  switch (source.kind) {
    case 'constant':
      return `constant ${source.constant.dims.join('x')}`;
    case 'input':
      return `input ${source.position}`;
    case 'outer':
      return `outer ${source.name}`;
    case 'node':
      return 'node';
  }
}

class Matching {
  readonly #a: readonly Node[];
  readonly #b: readonly Node[];
  readonly #counterpart = new Map<Node, Node>();
  readonly #taken = new Set<Node>();

  constructor(a: readonly Node[], b: readonly Node[]) {
    this.#a = a;
    this.#b = b;
  }

  /** Pairs nodes of equal keys: those of one name first, then in order. */
  byKey(a: Keys, b: Keys): void {
    const named = (keys: Keys) => (node: Node) =>
      keys.has(node) ? `${keys.get(node)} ${node.name}` : undefined;
    this.#inOrder(named(a), named(b));
    this.#inOrder(
      (node) => a.get(node),
      (node) => b.get(node),
    );
  }

  #inOrder(keyOfA: (node: Node) => unknown, keyOfB: (node: Node) => unknown): void {
    const buckets = Map.groupBy(this.#leftOfB().reverse(), keyOfB);
    for (const node of this.#leftOfA()) {
      const key = keyOfA(node);
      const other = key === undefined ? undefined : buckets.get(key)?.pop();
      if (other !== undefined) this.#pair(node, other);
    }
  }

  /** Pairs along the longest common sequence of keys. */
  inSequence(aKeys: Keys, bKeys: Keys): void {
    const a = this.#leftOfA();
    const b = this.#leftOfB();
    if (a.length > sequenceMax || b.length > sequenceMax) return;
    const same = (i: number, j: number) =>
      aKeys.get(a[i] as Node) !== undefined && aKeys.get(a[i] as Node) === bKeys.get(b[j] as Node);
    const width = b.length + 1;
    const lengths = new Uint16Array((a.length + 1) * width);
    const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        lengths[i * width + j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      const [node, other] = [a[i], b[j]];
      if (node && other && same(i, j)) {
        this.#pair(node, other);
        i++;
        j++;
      } else if (at(i + 1, j) >= at(i, j + 1)) i++;
      else j++;
    }
  }

  result(): Alignment {
    return { pairs: [...this.#counterpart], removed: this.#leftOfA(), added: this.#leftOfB() };
  }

  #pair(a: Node, b: Node): void {
    this.#counterpart.set(a, b);
    this.#taken.add(b);
  }

  #leftOfA(): Node[] {
    return this.#a.filter((node) => !this.#counterpart.has(node));
  }

  #leftOfB(): Node[] {
    return this.#b.filter((node) => !this.#taken.has(node));
  }
}
