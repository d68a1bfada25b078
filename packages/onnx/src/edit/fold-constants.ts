import type { Tensor } from '@covey/protocol';
import type { Execution } from '../execution.ts';
import { Uses } from '../graph/index.ts';
import {
  type Constant,
  createGraph,
  createValueInfo,
  datatypeOf,
  elementsSizeBytes,
  elementTypeOf,
  elementTypes,
  type Model,
  type Node,
  rawBytes,
  subgraphs,
  writeModel,
} from '../model/index.ts';
import { countOf, inferShapes, type TensorType } from '../shapes/index.ts';
import type { Pass } from './pass.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/** A result may be this large, or as large as the constants it is made of: folding is never to blow a model up. */
const resultSizeBytes = 64 * 1024;
/** What is computed on the way may be larger, but no more than this. */
const intermediateSizeBytes = 64 * 1024 * 1024;

/** Operators that answer anew each time, and those whose place in the graph tells runtimes how it is quantized. */
const keptOperators = [
  'Bernoulli',
  'DequantizeLinear',
  'Dropout',
  'DynamicQuantizeLinear',
  'Multinomial',
  'QuantizeLinear',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
];

/**
 * Computes, through the execution handed in, what depends on constants alone; everything of one graph in one run. Results
 * larger than 64 KiB and than what they are made of (Expand, ConstantOfShape, Cast of weights stored in fp16) stay nodes.
 * Errors of the pass: those of the execution.
 */
export const foldConstants: Pass = {
  name: 'fold-constants',
  summary: 'computes what depends on constants alone',
  async apply(model, execution) {
    if (execution === undefined) return 0;
    const types = inferShapes(model);
    let changes = 0;
    for (const scope of scopesOf(model)) changes += await foldGraph(model, scope, types, execution);
    return changes;
  },
};

async function foldGraph(
  model: Model,
  scope: Scope,
  types: ReadonlyMap<string, TensorType>,
  execution: Execution,
): Promise<number> {
  const { graph } = scope;
  const foldable = new Foldable(scope, types);
  const wanted = foldable.wantedValues();
  const kept = graph.nodes.filter((node) => !foldable.isFolded(node));
  const changes = graph.nodes.length - kept.length;
  if (wanted.length > 0) {
    const nodes = graph.nodes.filter((node) => foldable.isComputed(node));
    const results = await compute(model, { nodes, constants: foldable.constants(), wanted }, execution);
    for (const [name, tensor] of Object.entries(results)) scope.add(constantFrom(name, tensor));
  }
  graph.nodes = kept;
  return changes;
}

/** What of one graph depends on constants alone, and which of it is worth to become a constant. */
class Foldable {
  readonly #scope: Scope;
  readonly #types: ReadonlyMap<string, TensorType>;
  /** Values that depend on constants alone: their size, and how large they may be to become a constant. */
  readonly #sizes = new Map<string, { sizeBytes: number; allowedBytes: number }>();
  readonly #constants = new Map<string, Constant>();
  readonly #computed = new Set<Node>();
  readonly #folded = new Set<Node>();

  constructor(scope: Scope, types: ReadonlyMap<string, TensorType>) {
    this.#scope = scope;
    this.#types = types;
    for (const node of scope.graph.nodes) this.#consider(node);
  }

  isFolded(node: Node): boolean {
    return this.#folded.has(node);
  }

  isComputed(node: Node): boolean {
    return this.#computed.has(node);
  }

  constants(): Map<string, Constant> {
    return this.#constants;
  }

  #consider(node: Node): void {
    const inputs = node.inputs.filter((input) => input !== '');
    if (!isOnnx(node) || keptOperators.includes(node.opType) || inputs.length === 0) return;
    if (subgraphs(node).length > 0) return;
    const sources = inputs.map((input) => this.#sizes.get(input) ?? this.#constantSize(input));
    const outputs = node.outputs
      .filter((output) => output !== '')
      .map((name) => ({ name, sizeBytes: this.#sizeOf(name) }));
    let madeOfBytes = 0;
    for (const source of sources) {
      if (source === undefined) return;
      madeOfBytes += Math.min(source.sizeBytes, source.allowedBytes);
    }
    if (!outputs.every(({ sizeBytes }) => sizeBytes !== undefined && sizeBytes <= intermediateSizeBytes))
      return;
    const allowedBytes = Math.max(resultSizeBytes, madeOfBytes);
    for (const { name, sizeBytes = 0 } of outputs) this.#sizes.set(name, { sizeBytes, allowedBytes });
    this.#computed.add(node);
    for (const input of inputs) {
      const constant = this.#scope.constant(input);
      if (constant) this.#constants.set(input, constant);
    }
  }

  #constantSize(name: string): { sizeBytes: number; allowedBytes: number } | undefined {
    const constant = this.#scope.constant(name);
    if (constant?.data.kind !== 'raw' || datatypeOf(constant.elementType) === undefined) return undefined;
    const sizeBytes = rawBytes(constant).byteLength;
    return { sizeBytes, allowedBytes: sizeBytes };
  }

  #sizeOf(name: string): number | undefined {
    const type = this.#types.get(name);
    const count = countOf(type?.shape);
    if (type === undefined || count === undefined || datatypeOf(type.elementType) === undefined)
      return undefined;
    return type.elementType === elementTypes.STRING ? undefined : elementsSizeBytes(type.elementType, count);
  }

  /** From the last node to the first: what nodes that stay take becomes a constant where it is small enough, else its node stays too. */
  wantedValues(): string[] {
    const { graph } = this.#scope;
    const uses = new Uses(graph);
    const staying = new Set(graph.nodes.filter((node) => !this.#computed.has(node)));
    const wanted: string[] = [];
    for (const node of graph.nodes.toReversed()) {
      if (!this.#computed.has(node)) continue;
      const taken = node.outputs.filter(
        (output) => uses.isOutput(output) || uses.consumers(output).some((consumer) => staying.has(consumer)),
      );
      if (taken.every((output) => this.#isSmall(output))) {
        this.#folded.add(node);
        wanted.push(...taken);
      } else staying.add(node);
    }
    return wanted;
  }

  #isSmall(name: string): boolean {
    const size = this.#sizes.get(name);
    return size !== undefined && size.sizeBytes <= size.allowedBytes;
  }
}

async function compute(
  model: Model,
  { nodes, constants, wanted }: { nodes: Node[]; constants: Map<string, Constant>; wanted: string[] },
  execution: Execution,
): Promise<Record<string, Tensor>> {
  const outputs = wanted.map((name) => createValueInfo(name));
  const graph = { ...createGraph('constants'), nodes, initializers: constants, outputs };
  const loaded = await execution.load(writeModel({ ...model, graph, functions: [], metadata: new Map() }));
  try {
    return await loaded.run({});
  } finally {
    await loaded.release();
  }
}

function constantFrom(name: string, { datatype, shape, data }: Tensor): Constant {
  const elementType = elementTypeOf(datatype);
  return {
    name,
    elementType,
    dims: [...shape],
    data: { kind: 'raw', bytes: data },
    docString: '',
    metadata: new Map(),
  };
}
