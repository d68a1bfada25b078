import { create } from '@bufbuild/protobuf';
import { CoveyError, elementBytes, elementCount, type Tensor, type TensorSpec } from '@covey/protocol';
import { elementTypes } from './elements.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts';
import type { Model } from './model.ts';

/** Attributes of a node by name: an integer or a list of integers. */
export type Attributes = Record<string, number | readonly number[]>;

/** The newest operator set whose quantized operators every provider we ship runs. */
const opset = 21;
/** The IR version that came with opset 21 (ONNX 1.16). */
const irVersion = 10;
/** What a varying dimension (-1) is called in the file, so that two of one name are known to be equal. */
const batchDimension = 'batch';

/**
 * Builds an ONNX model in the order it computes: a node may use only what is already there, so the graph is sorted and
 * free of cycles. Every method answers the name it defined. Errors: INVALID_ARGUMENT (name unknown or taken, data that
 * do not fill their shape, attributes that are no integers).
 */
export class GraphBuilder {
  readonly #graph: GraphProto;
  readonly #names = new Set<string>();

  constructor(name: string) {
    this.#graph = create(GraphProtoSchema, { name });
  }

  /** An input of the model; -1 in its shape is the batch. */
  input(spec: TensorSpec): string {
    this.#graph.input.push(valueInfo(spec));
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
    this.#graph.initializer.push(
      create(TensorProtoSchema, {
        name,
        dataType: elementTypes[datatype],
        dims: shape.map(BigInt),
        rawData: data,
      }),
    );
    return this.#define(name);
  }

  /** A node with one output, called `output`. */
  node(opType: string, inputs: readonly string[], output: string, attributes: Attributes = {}): string {
    for (const input of inputs) this.#require(input);
    this.#graph.node.push(
      create(NodeProtoSchema, {
        name: output,
        opType,
        input: [...inputs],
        output: [output],
        attribute: Object.entries(attributes).map(([name, value]) => integerAttribute(name, value)),
      }),
    );
    return this.#define(output);
  }

  /** Makes a value that a node computed an output of the model. */
  output(spec: TensorSpec): void {
    this.#require(spec.name);
    this.#graph.output.push(valueInfo(spec));
  }

  build(): Model {
    const graph = this.#graph;
    if (graph.output.length === 0) throw new CoveyError('INVALID_ARGUMENT', 'a graph needs an output');
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      producerName: 'covey',
      opsetImport: [{ domain: '', version: BigInt(opset) }],
    });
    return Object.assign(model, { graph });
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

function valueInfo({ name, datatype, shape }: TensorSpec): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      size === -1
        ? { case: 'dimParam' as const, value: batchDimension }
        : { case: 'dimValue' as const, value: BigInt(size) },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementTypes[datatype], shape: { dim } } } },
  });
}

function integerAttribute(name: string, value: number | readonly number[]): AttributeProto {
  const integers = typeof value === 'number' ? [value] : value;
  if (!integers.every(Number.isSafeInteger))
    throw new CoveyError('INVALID_ARGUMENT', `attribute "${name}" is not made of integers`);
  return typeof value === 'number'
    ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) })
    : create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: integers.map(BigInt),
      });
}
