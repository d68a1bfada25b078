import { CoveyError, elementBytes, elementCount, type Tensor, type TensorSpec } from '@covey/protocol';
import {
  type AttributeInput,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypeOf,
  type Graph,
  type Model,
  type ValueInfo,
} from '../model/index.ts';

/** The newest operator set whose quantized operators every provider we ship runs. */
const opset = 21;
/** The IR version that came with opset 21 (ONNX 1.16). */
const irVersion = 10;
/** What a varying dimension (-1) is called in the file, so that two of one name are known to be equal. */
const batchDimension = 'batch';

/** A model of ONNX's own operators around `graph`. */
export function createModel(graph: Graph): Model {
  return {
    irVersion,
    opsets: [{ domain: '', version: opset }],
    producerName: 'covey',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph,
    functions: [],
    metadata: new Map(),
  };
}

/**
 * Builds an ONNX model in the order it computes: a node may use only what is already there, so the graph is sorted and
 * free of cycles. Every method answers the name it defined. Errors: INVALID_ARGUMENT (name unknown or taken, data that
 * do not fill their shape, attributes that are no integers).
 */
export class GraphBuilder {
  readonly #graph: Graph;
  readonly #names = new Set<string>();

  constructor(name: string) {
    this.#graph = createGraph(name);
  }

  /** An input of the model; -1 in its shape is the batch. */
  input(spec: TensorSpec): string {
    this.#graph.inputs.push(valueInfo(spec));
    return this.#define(spec.name);
  }

  /** A constant such as a weight. */
  initializer(name: string, tensor: Tensor): string {
    const { datatype, shape, data } = tensor;
    if (datatype === 'BYTES' || data.byteLength !== elementCount(shape) * elementBytes[datatype]) {
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `initializer "${name}": ${data.byteLength} bytes do not fill ${datatype}[${shape}]`,
      );
    }
    this.#graph.initializers.set(name, createConstant(name, elementTypeOf(datatype), shape, data));
    return this.#define(name);
  }

  /** A node with one output, called `output`. */
  node(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Record<string, AttributeInput> = {},
  ): string {
    for (const input of inputs) this.#require(input);
    this.#graph.nodes.push(createNode(opType, inputs, [output], attributes));
    return this.#define(output);
  }

  /** Makes a value that a node computed an output of the model. */
  output(spec: TensorSpec): void {
    this.#require(spec.name);
    this.#graph.outputs.push(valueInfo(spec));
  }

  build(): Model {
    const graph = this.#graph;
    if (graph.outputs.length === 0) throw new CoveyError('INVALID_ARGUMENT', 'a graph needs an output');
    return createModel(graph);
  }

  #define(name: string): string {
    if (name === '' || this.#names.has(name))
      throw new CoveyError('INVALID_ARGUMENT', `the name "${name}" is empty or taken in this graph`);
    this.#names.add(name);
    return name;
  }

  #require(name: string): void {
    if (!this.#names.has(name))
      throw new CoveyError('INVALID_ARGUMENT', `nothing called "${name}" is in this graph yet`);
  }
}

function valueInfo({ name, datatype, shape }: TensorSpec): ValueInfo {
  return createValueInfo(name, {
    kind: 'tensor',
    elementType: elementTypeOf(datatype),
    shape: shape.map((size) => (size === -1 ? batchDimension : size)),
  });
}
