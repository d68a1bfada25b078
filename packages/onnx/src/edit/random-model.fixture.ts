import * as fc from 'fast-check';
import {
  type AttributeInput,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
} from '../model/index.ts';
import { type Step, steps } from './random-steps.fixture.ts';

/** A value of floats in a model that is being made. */
export interface Value {
  name: string;
  shape: number[];
}

/** A model that grows node by node, with numbers from a seed. */
export class Draft {
  readonly graph: Graph = createGraph('random');
  readonly opset: number;
  readonly values: Value[] = [];
  #seed: number;
  #count = 0;

  constructor(opset: number, seed: number) {
    this.opset = opset;
    this.#seed = seed;
  }

  /** In [0, 1) (mulberry32). */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let state = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    state = (state + Math.imul(state ^ (state >>> 7), 61 | state)) ^ state;
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  }

  fresh(stem: string): string {
    this.#count += 1;
    return `${stem}${this.#count}`;
  }

  /** Floats between `low` and `high`. */
  floats(dims: number[], low = -1, high = 1): string {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const elements = Float32Array.from({ length: count }, () => low + (high - low) * this.random());
    return this.#add(createConstant(this.fresh('w'), elementTypes.FLOAT, dims, elements));
  }

  integers(numbers: number[], dims = [numbers.length]): string {
    return this.#add(
      createConstant(this.fresh('i'), elementTypes.INT64, dims, BigInt64Array.from(numbers, BigInt)),
    );
  }

  #add(constant: ReturnType<typeof createConstant>): string {
    this.graph.initializers.set(constant.name, constant);
    return constant.name;
  }

  /** A node with one output; answers its name. */
  node(opType: string, inputs: string[], attributes: Record<string, AttributeInput> = {}): string {
    const output = this.fresh('v');
    this.graph.nodes.push({
      ...createNode(opType, inputs, [output], attributes),
      name: this.random() < 0.5 ? output : '',
    });
    return output;
  }

  /** A node whose output later steps may take. */
  value(
    shape: number[],
    opType: string,
    inputs: string[],
    attributes: Record<string, AttributeInput> = {},
  ): void {
    this.values.push({ name: this.node(opType, inputs, attributes), shape });
  }
}

interface Recipe {
  seed: number;
  opset: number;
  steps: { step: Step; pick: number }[];
  /** Whether constants are listed as inputs, as older exporters do. */
  listed: boolean;
}

const batchSize = 1;

/** A valid model of 1 to 14 steps that takes `image` [1, 4, 6, 6] and `vector` [1, 8] and gives what no other node takes. */
export function arbitraryModel(opsets: readonly number[] = [9, 11, 13, 17]): fc.Arbitrary<Model> {
  const step = fc.record({ step: fc.constantFrom(...steps), pick: fc.nat(1000) });
  return fc
    .record({
      seed: fc.integer(),
      opset: fc.constantFrom(...opsets),
      steps: fc.array(step, { minLength: 1, maxLength: 14 }),
      listed: fc.boolean(),
    })
    .map(modelFrom);
}

function modelFrom({ seed, opset, steps: chosen, listed }: Recipe): Model {
  const draft = new Draft(opset, seed);
  const inputs = [
    { name: 'image', shape: [batchSize, 4, 6, 6] },
    { name: 'vector', shape: [batchSize, 8] },
  ];
  draft.values.push(...inputs);
  for (const { step, pick } of chosen) {
    const fitting = draft.values.filter(({ shape }) => shape.length === step.rank);
    const value = fitting[pick % fitting.length];
    if (value) step.add(draft, value);
  }
  return finished(draft, inputs, listed);
}

function finished({ graph, values, opset }: Draft, inputs: Value[], listed: boolean): Model {
  const taken = new Set(graph.nodes.flatMap((node) => node.inputs));
  const type = (shape: number[]) => ({ kind: 'tensor' as const, elementType: elementTypes.FLOAT, shape });
  graph.inputs = inputs.map(({ name, shape }) => createValueInfo(name, type(shape)));
  const leaves = values.filter(
    ({ name }) => !taken.has(name) && !inputs.some((input) => input.name === name),
  );
  graph.outputs = leaves.map(({ name, shape }) => createValueInfo(name, type(shape)));
  if (graph.outputs.length === 0) {
    graph.nodes.push(createNode('Relu', ['vector'], ['rectified']));
    graph.outputs.push(createValueInfo('rectified', type([batchSize, 8])));
  }
  if (listed)
    for (const { name, elementType, dims } of graph.initializers.values())
      graph.inputs.push(createValueInfo(name, { kind: 'tensor', elementType, shape: dims }));
  return {
    irVersion: listed ? 3 : 8,
    opsets: [{ domain: '', version: opset }],
    producerName: 'random',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph,
    functions: [],
    metadata: new Map(),
  };
}
