import { capturedNames, opsetOf } from '../../graph/index.ts';
import { intsAttribute, type Model, type Node, numbersOf, subgraphs } from '../../model/index.ts';
import { inferGraphs, inferShapes, type TensorType } from '../../shapes/index.ts';
import { Scope } from '../scope.ts';
import { ruleFor } from './rules.ts';
import { Fixed, type Step } from './step.ts';

/** A node that fixes the batch, and how. */
export interface Obstacle {
  node: Node;
  reason: string;
}

interface Followed {
  /** By value: the axis along which the samples lie. */
  axes: ReadonlyMap<string, number>;
  obstacles: Obstacle[];
  rewrites: { node: Node; index: number; numbers: readonly number[] }[];
}

/** Follows the samples of a batch from the leading axis of `inputs` through the graph. */
export function followBatch(
  model: Model,
  inputs: readonly string[],
  batchSize: number,
  symbolic: Model,
): Followed {
  return new Following(model, batchSize, symbolic).run(inputs);
}

class Following {
  readonly #model: Model;
  readonly #scope: Scope;
  readonly #types: ReadonlyMap<string, TensorType>;
  readonly #symbols: ReturnType<typeof inferGraphs>['types'];
  readonly #batchSize: number;
  readonly #axes = new Map<string, number>();
  /** Values made of sizes, the batch's among them. */
  readonly #sizes = new Set<string>();
  /** Values behind an obstacle, of which nothing is known. */
  readonly #lost = new Set<string>();
  readonly #obstacles: Obstacle[] = [];
  readonly #rewrites: Followed['rewrites'] = [];

  constructor(model: Model, batchSize: number, symbolic: Model) {
    this.#model = model;
    this.#scope = new Scope(model.graph);
    this.#types = inferShapes(model);
    this.#symbols = inferGraphs(symbolic, new Map()).types;
    this.#batchSize = batchSize;
  }

  run(inputs: readonly string[]): Followed {
    for (const input of inputs) this.#axes.set(input, 0);
    for (const node of this.#model.graph.nodes) this.#follow(node);
    return { axes: this.#axes, obstacles: this.#obstacles, rewrites: this.#rewrites };
  }

  #follow(node: Node): void {
    const captured = subgraphs(node).flatMap(({ graph }) => [...capturedNames(graph)]);
    const taken = [...node.inputs, ...captured];
    if (taken.some((name) => this.#lost.has(name))) {
      this.#lose(node);
      return;
    }
    const varies = (name: string) => this.#axes.has(name) || this.#sizes.has(name);
    if (!taken.some(varies)) return;
    const sizesOnly = node.opType === 'Shape' || !taken.some((name) => this.#axes.has(name));
    if (sizesOnly && subgraphs(node).length === 0) {
      // What comes of sizes is judged where it is used as a target shape.
      for (const output of node.outputs) this.#sizes.add(output);
      return;
    }
    try {
      if (captured.some(varies)) throw new Fixed('the graphs in it take values that hold the batch');
      this.#applyRule(node);
    } catch (cause) {
      if (!(cause instanceof Fixed)) throw cause;
      this.#obstacles.push({ node, reason: cause.message });
      this.#lose(node);
    }
  }

  #lose(node: Node): void {
    for (const output of node.outputs) this.#lost.add(output);
  }

  #applyRule(node: Node): void {
    const { rule, takesSizes } = ruleFor(node);
    if (!takesSizes && node.inputs.some((input) => this.#sizes.has(input)))
      throw new Fixed('it computes with the size of the batch');
    const result = rule(this.#step(node));
    const axes = typeof result === 'number' ? node.outputs.map(() => result) : result;
    for (const [index, output] of node.outputs.entries()) {
      const axis = axes[index];
      if (output !== '' && axis !== undefined) this.#axes.set(output, axis);
    }
  }

  #step(node: Node): Step {
    const numbers = (index: number) => {
      const constant = this.#scope.constant(node.inputs[index]);
      return constant && numbersOf(constant);
    };
    return {
      node,
      version: opsetOf(this.#model),
      axis: (index) => this.#axes.get(node.inputs[index] ?? ''),
      shape: (index) => this.#shapeOf(node.inputs[index] ?? ''),
      outputShape: () => this.#shapeOf(node.outputs[0] ?? ''),
      numbers,
      symbols: (index) => this.#symbols.get(node.inputs[index] ?? '')?.contents,
      axes: (index, rank) => {
        const given = intsAttribute(node, 'axes') ?? numbers(index);
        if (given === undefined && (node.inputs[index] ?? '') !== '')
          throw new Fixed('its axes are not known');
        return given?.map((axis) => (axis < 0 ? axis + rank : axis));
      },
      batchSize: this.#batchSize,
      rewrite: (index, target) => this.#rewrites.push({ node, index, numbers: target }),
    };
  }

  #shapeOf(value: string): number[] {
    const shape = this.#types.get(value)?.shape;
    const sizes = shape?.filter((dimension) => typeof dimension === 'number');
    if (shape === undefined || sizes?.length !== shape.length)
      throw new Fixed(`the shape of "${value}" is not known`);
    return sizes;
  }
}
