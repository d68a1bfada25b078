import type { Node } from '../model/index.ts';

/** The values that nodes of one graph may take: its own so far, and those of the graphs around it. */
export class VisibleValues {
  readonly path: string;
  readonly #outer: VisibleValues | undefined;
  /** Defined so far, with their types where they are known. */
  readonly #values = new Map<string, string | undefined>();
  /** What the graph says of types in between. */
  readonly declaredTypes = new Map<string, string>();
  /** The nodes that define values somewhere in this graph, later ones included. */
  readonly #producers = new Map<string, Node>();

  constructor(path: string, nodes: readonly Node[], outer?: VisibleValues) {
    this.path = path;
    this.#outer = outer;
    for (const node of nodes) for (const output of node.outputs) this.#producers.set(output, node);
  }

  define(name: string, type: string | undefined): void {
    this.#values.set(name, type);
  }

  hasOwn(name: string): boolean {
    return this.#values.has(name);
  }

  /** Whether a graph around this one has defined the name. */
  isOuter(name: string): boolean {
    return this.#outer?.has(name) ?? false;
  }

  has(name: string): boolean {
    return this.#values.has(name) || this.isOuter(name);
  }

  /** The type of a value, or undefined where it is not known. */
  typeOf(name: string): string | undefined {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.typeOf(name);
  }

  /** The node that will define a name, here or in a graph around this one. */
  producer(name: string): Node | undefined {
    return this.#producers.get(name) ?? this.#outer?.producer(name);
  }
}
