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
  everyConstant,
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
/** Where all results together would blow it up, only those of shapes and the like become constants. */
const smallSizeBytes = 256;
/** How much larger than the constants they are made of all results together may be: this, or a share of the model's constants. */
const growth = { sizeBytes: 64 * 1024, share: 0.1 };
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
 * larger than 64 KiB and than what they are made of (Expand, ConstantOfShape, Cast of weights stored in fp16) stay nodes;
 * where all together would add more than 64 KiB and more than a tenth of the model's constants, those of more than 256
 * bytes do. Errors of the pass: those of the execution.
 */
export const foldConstants: Pass = {
  name: 'fold-constants',
  summary: 'computes what depends on constants alone',
  async apply(model, execution) {
    if (execution === undefined) return 0;
    const types = inferShapes(model);
    const scopes = scopesOf(model);
    const all = scopes.map((scope) => new Foldable(scope, types, false));
    const onlySmall = addsTooMuch(model, all);
    let changes = 0;
    for (const scope of scopes)
      changes += await foldGraph(model, scope, new Foldable(scope, types, onlySmall), execution);
    return changes;
  },
};

/** Whether everything that could be folded is larger, by more than it may, than the constants it is made of. */
function addsTooMuch(model: Model, foldables: readonly Foldable[]): boolean {
  const addedBytes = foldables.reduce((sum, foldable) => sum + foldable.wantedBytes(), 0);
  const sources = new Set(foldables.flatMap((foldable) => [...foldable.constants().values()]));
  const limitBytes = Math.max(growth.sizeBytes, growth.share * totalBytes(everyConstant(model)));
  return addedBytes - totalBytes(sources) > limitBytes;
}

function totalBytes(constants: Iterable<Constant>): number {
  let sizeBytes = 0;
  for (const constant of constants)
    if (constant.data.kind === 'raw') sizeBytes += rawBytes(constant).byteLength;
  return sizeBytes;
}

async function foldGraph(
  model: Model,
  scope: Scope,
  foldable: Foldable,
  execution: Execution,
): Promise<number> {
  const { graph } = scope;
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

interface Size {
  sizeBytes: number;
  madeOfBytes: number;
}

/** What of one graph depends on constants alone, and which of it is worth to become a constant. */
class Foldable {
  readonly #scope: Scope;
  readonly #types: ReadonlyMap<string, TensorType>;
  readonly #onlySmall: boolean;
  /** Values that depend on constants alone: their size, and that of what they are made of. */
  readonly #sizes = new Map<string, Size>();
  readonly #constants = new Map<string, Constant>();
  readonly #computed = new Set<Node>();
  readonly #folded = new Set<Node>();

  constructor(scope: Scope, types: ReadonlyMap<string, TensorType>, onlySmall: boolean) {
    this.#scope = scope;
    this.#types = types;
    this.#onlySmall = onlySmall;
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
      madeOfBytes += Math.min(source.sizeBytes, this.#allowedBytes(source));
    }
    if (!outputs.every(({ sizeBytes }) => sizeBytes !== undefined && sizeBytes <= intermediateSizeBytes))
      return;
    for (const { name, sizeBytes = 0 } of outputs) this.#sizes.set(name, { sizeBytes, madeOfBytes });
    this.#computed.add(node);
    for (const input of inputs) {
      const constant = this.#scope.constant(input);
      if (constant) this.#constants.set(input, constant);
    }
  }

  #allowedBytes({ madeOfBytes }: Size): number {
    return this.#onlySmall ? smallSizeBytes : Math.max(resultSizeBytes, madeOfBytes);
  }

  #constantSize(name: string): Size | undefined {
    const constant = this.#scope.constant(name);
    if (constant?.data.kind !== 'raw' || datatypeOf(constant.elementType) === undefined) return undefined;
    const sizeBytes = rawBytes(constant).byteLength;
    return { sizeBytes, madeOfBytes: sizeBytes };
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
    return size !== undefined && size.sizeBytes <= this.#allowedBytes(size);
  }

  /** The size of all that would become constants. */
  wantedBytes(): number {
    return this.wantedValues().reduce((sum, name) => sum + (this.#sizes.get(name)?.sizeBytes ?? 0), 0);
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
