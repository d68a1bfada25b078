/**
 * A model as a file holds it (onnx.proto of ONNX 1.17), in the words of ONNX. Whatever has no name here is kept in
 * `unknown` as it stood in the file (tags and values one after the other) and written back.
 */
export interface Model {
  irVersion: number;
  opsets: Opset[];
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  docString: string;
  graph: Graph;
  functions: ModelFunction[];
  metadata: Metadata;
  unknown?: Uint8Array;
}

/** The operators of `domain` ('' is ONNX's own) as they were in `version`. */
export interface Opset {
  domain: string;
  version: number;
}

export type Metadata = Map<string, string>;

export interface Graph {
  name: string;
  docString: string;
  /** In the order they compute: a node comes after those whose outputs it takes. */
  nodes: Node[];
  /** Constants by name. One that is also listed in `inputs` is a default that the caller may replace. */
  initializers: Map<string, Constant>;
  sparseInitializers: SparseConstant[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Types of values in between, where the file states them. */
  valueInfo: ValueInfo[];
  metadata: Metadata;
  unknown?: Uint8Array;
}

export interface Node {
  name: string;
  opType: string;
  domain: string;
  overload: string;
  /** Names of values; '' is an optional input that is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, Attribute>;
  docString: string;
  metadata: Metadata;
  unknown?: Uint8Array;
}

export type Attribute = AttributeValue & { docString?: string; unknown?: Uint8Array };

export type AttributeValue =
  | { type: 'float'; value: number }
  | { type: 'int'; value: bigint }
  /** Bytes; mostly UTF-8 text. */
  | { type: 'string'; value: Uint8Array }
  | { type: 'tensor'; value: Constant }
  | { type: 'graph'; value: Graph }
  | { type: 'sparseTensor'; value: SparseConstant }
  | { type: 'valueType'; value: ValueType }
  | { type: 'floats'; value: Float32Array }
  | { type: 'ints'; value: BigInt64Array }
  | { type: 'strings'; value: Uint8Array[] }
  | { type: 'tensors'; value: Constant[] }
  | { type: 'graphs'; value: Graph[] }
  | { type: 'sparseTensors'; value: SparseConstant[] }
  | { type: 'valueTypes'; value: ValueType[] }
  /** In a function: the attribute called `value` of the node that calls it, of the type numbered `attributeType`. */
  | { type: 'reference'; value: string; attributeType: number };

/** A tensor that is part of the model: a weight or an attribute. `elementType` is a number of `elementTypes`. */
export interface Constant {
  name: string;
  elementType: number;
  dims: number[];
  data: ConstantData;
  docString: string;
  metadata: Metadata;
  unknown?: Uint8Array;
}

export type ConstantData =
  /** Little-endian elements, row-major: a view into the bytes of the file, aligned to nothing. */
  | { kind: 'raw'; bytes: Uint8Array }
  | { kind: 'strings'; strings: Uint8Array[] }
  /** In a file beside the model's, until `loadExternal` or `readModelFile` brought it. */
  | { kind: 'external'; location: string; offsetBytes: number; sizeBytes?: number; entries: Metadata };

export interface SparseConstant {
  values: Constant;
  indices: Constant;
  dims: number[];
  unknown?: Uint8Array;
}

export interface ValueInfo {
  name: string;
  /** Absent where the file does not say. */
  type?: ValueType;
  docString: string;
  metadata: Metadata;
  unknown?: Uint8Array;
}

export type ValueType = (
  | { kind: 'tensor' | 'sparseTensor'; elementType: number; shape?: Dimension[]; extra?: ShapeExtra }
  | { kind: 'sequence' | 'optional'; element: ValueType | undefined }
  | { kind: 'map'; keyType: number; value: ValueType | undefined }
  /** A form without a name here (opaque types, newer ones): all of it is in `unknown`. */
  | { kind: 'unknown' }
) & { unknown?: Uint8Array };

/** A size; a symbol, equal wherever it has the same name; or null: unknown. */
export type Dimension = number | string | null;

/** What a shape holds beside its dimensions, denotations among them: as `unknown`, per message. */
export interface ShapeExtra {
  tensor?: Uint8Array;
  shape?: Uint8Array;
  dimensions?: (Uint8Array | undefined)[];
}

/** A function of the model: a node whose domain and type name it stands for its nodes. */
export interface ModelFunction {
  name: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  /** Attributes the caller must give, and those that have a default. */
  attributeNames: string[];
  attributeDefaults: Map<string, Attribute>;
  nodes: Node[];
  opsets: Opset[];
  valueInfo: ValueInfo[];
  docString: string;
  metadata: Metadata;
  unknown?: Uint8Array;
}
