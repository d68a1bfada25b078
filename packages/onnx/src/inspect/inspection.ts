import { CoveyError, type ModelSchema } from '@covey/protocol';
import { checkModel, type Finding } from '../check/index.ts';
import { modelSchema, walkGraphs } from '../graph/index.ts';
import { elementTypeName, type Model, type Opset, type ValueInfo, type ValueType } from '../model/index.ts';
import { type PlacementSummary, type Provider, placeNodes, summarizePlacement } from '../providers/index.ts';
import { countOf, formatShape, type InferredGraph, inferGraphs, symbolsOf } from '../shapes/index.ts';
import { type Compute, countCompute } from './compute.ts';
import { type ActivationMemory, measureActivations } from './memory.ts';
import { findQuantization, type QuantizationFound } from './quantization.ts';
import { type Weights, weighModel } from './weights.ts';

/** What a model is, takes and needs; plain data, ready for JSON. */
export interface Inspection {
  name: string;
  description: string;
  producer: string;
  irVersion: number;
  /** The domain of ONNX's own operators is `ai.onnx`. */
  opsets: Opset[];
  metadata: Record<string, string>;
  /** Inputs and outputs with their types as text: `FLOAT [batch, 3]`. */
  inputs: { name: string; type: string }[];
  outputs: { name: string; type: string }[];
  /** In the words of the inference protocol; absent where it has none for an input or output. */
  schema?: ModelSchema;
  /** Dimensions without a number, to be given as sizes. */
  symbols: string[];
  /** Of all graphs. */
  nodes: number;
  functions: number;
  /** Most frequent first. */
  operators: { operator: string; count: number }[];
  weights: Weights;
  quantization: QuantizationFound[];
  findings: Finding[];
  /** Absent where the types of values contradict each other: `findings` says where. */
  figures?: Figures;
}

/** What follows from the shapes. */
export interface Figures {
  compute: Compute;
  activations: ActivationMemory;
  /** Values that nodes of the outermost graph compute, and how many of them have a known size. */
  shapes: { values: number; known: number };
  placement: Record<Provider, PlacementSummary>;
}

/**
 * Everything there is to say about a model without running it. `sizes` are the numbers of symbols of its inputs.
 * Errors: INVALID_ARGUMENT for a size of a symbol that no input has; MODEL_INVALID for a tensor of absurd dimensions.
 * What else is wrong with the model is in its findings.
 */
export function inspectModel(model: Model, sizes: Readonly<Record<string, number>> = {}): Inspection {
  const { graph } = model;
  checkSizes(model, sizes);
  const findings = checkModel(model);
  const inferred = inferredOrFinding(model, sizes);
  const types = 'nodes' in inferred ? inferred.types : undefined;
  const described = (info: ValueInfo) => {
    const type = types?.get(info.name);
    const text = type
      ? `${elementTypeName(type.elementType)} ${formatShape(type.shape)}`
      : typeText(info.type);
    return { name: info.name, type: text };
  };
  const schema = schemaOf(model);
  return {
    name: graph.name,
    description: model.docString || graph.docString,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' '),
    irVersion: model.irVersion,
    opsets: model.opsets.map(({ domain, version }) => ({ domain: domain || 'ai.onnx', version })),
    metadata: Object.fromEntries(model.metadata),
    inputs: graph.inputs.filter(({ name }) => !graph.initializers.has(name)).map(described),
    outputs: graph.outputs.map(described),
    ...(schema && { schema }),
    symbols: [...symbolsOf(model)].filter((symbol) => !(symbol in sizes)),
    ...countNodes(model),
    functions: model.functions.length,
    weights: weighModel(model),
    quantization: findQuantization(model),
    findings: 'nodes' in inferred ? findings : [...findings, inferred],
    ...('nodes' in inferred && { figures: figuresOf(model, inferred) }),
  };
}

function checkSizes(model: Model, sizes: Readonly<Record<string, number>>): void {
  const symbols = symbolsOf(model);
  for (const [symbol, size] of Object.entries(sizes)) {
    const known = symbols.size === 0 ? 'it has none' : `it has ${[...symbols].join(', ')}`;
    if (!symbols.has(symbol))
      throw new CoveyError('INVALID_ARGUMENT', `the model has no open dimension "${symbol}"; ${known}`);
    if (!Number.isSafeInteger(size) || size < 0)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `the size of "${symbol}" is ${size}, not a whole number from 0`,
      );
  }
}

function inferredOrFinding(model: Model, sizes: Readonly<Record<string, number>>): InferredGraph | Finding {
  try {
    return inferGraphs(model, new Map(Object.entries(sizes)));
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error;
    return { severity: 'error', code: 'type-disagrees', message: error.message, where: { graph: 'main' } };
  }
}

/** Sequences, maps and open ranks have no word in the protocol: such a model is inspected all the same. */
function schemaOf(model: Model): ModelSchema | undefined {
  try {
    return modelSchema(model);
  } catch (error) {
    if (error instanceof CoveyError) return undefined;
    throw error;
  }
}

function figuresOf(model: Model, inferred: InferredGraph): Figures {
  const { graph } = model;
  const inputs = graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name));
  const outputs = graph.outputs.map(({ name }) => name);
  const values = graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));
  const place = (provider: Provider) => summarizePlacement(model, placeNodes(model, provider));
  return {
    compute: countCompute(inferred),
    activations: measureActivations(inferred, inputs, outputs),
    shapes: {
      values: values.length,
      known: values.filter((name) => countOf(inferred.types.get(name)?.shape) !== undefined).length,
    },
    placement: { cpu: place('cpu'), webgpu: place('webgpu') },
  };
}

function countNodes(model: Model): Pick<Inspection, 'nodes' | 'operators'> {
  const counts = new Map<string, number>();
  for (const graph of walkGraphs(model.graph))
    for (const { domain, opType } of graph.nodes) {
      const operator = domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
      counts.set(operator, (counts.get(operator) ?? 0) + 1);
    }
  const operators = [...counts].map(([operator, count]) => ({ operator, count }));
  return {
    nodes: operators.reduce((sum, { count }) => sum + count, 0),
    operators: operators.sort((a, b) => b.count - a.count),
  };
}

/** `sequence of map from INT64 to FLOAT []` */
function typeText(type: ValueType | undefined): string {
  switch (type?.kind) {
    case 'tensor':
    case 'sparseTensor': {
      const sparse = type.kind === 'sparseTensor' ? 'sparse ' : '';
      return `${sparse}${elementTypeName(type.elementType)} ${formatShape(type.shape)}`;
    }
    case 'sequence':
    case 'optional':
      return `${type.kind} of ${typeText(type.element)}`;
    case 'map':
      return `map from ${elementTypeName(type.keyType)} to ${typeText(type.value)}`;
    default:
      return 'unknown type';
  }
}
