import * as ort from 'onnxruntime-node';
import { signatures } from '../generated/operators.ts';
import { createModel } from '../graph/index.ts';
import {
  type Attribute,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  type ValueType,
  writeModel,
} from '../model/index.ts';
import {
  type AttributeDeclaration,
  type Formal,
  findOperator,
  type Operator,
  operatorVersions,
} from '../operators/index.ts';
import { newestRunnableOpset, type Provider } from './kernels.ts';

/** A question to ONNX Runtime: does a provider run one node of this operator? */
export interface Probe {
  domain: string;
  operator: Operator;
  opset: number;
  /** What its type variables stand for. */
  types: ReadonlyMap<string, string>;
  /** Whether inputs that may be left out are given. */
  withOptional: boolean;
  /** Whether the types of outputs are declared: some operators do not infer them. */
  withOutputTypes: boolean;
}

/** `runs`: there is a kernel. `no kernel`: there is none. Otherwise what is wrong with the node, in ONNX Runtime's words. */
export type Answer = 'runs' | 'no kernel' | { error: string };

const noKernel = /fallback to CPU EP has been|NOT_IMPLEMENTED|Could not find an implementation/;

/** Loads the model for a provider alone; undefined where no model of one node can be made of it. */
export async function ask(probe: Probe, provider: Provider): Promise<Answer | undefined> {
  const model = oneNodeModel(probe);
  if (model === undefined) return undefined;
  try {
    const session = await ort.InferenceSession.create(writeModel(model), {
      executionProviders: [provider],
      logSeverityLevel: 4,
      graphOptimizationLevel: 'disabled',
      ...(provider === 'webgpu' && { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
    });
    await session.release();
    return 'runs';
  } catch (cause) {
    const error = (cause as Error).message.replaceAll(/\s+/g, ' ');
    return noKernel.test(error) ? 'no kernel' : { error };
  }
}

/** The oldest operator set that ONNX Runtime 1.30 loads. */
const oldestRunnableOpset = 7;

/** Every version of every operator of the table that ONNX Runtime may load, with the newest operator set it stands in. */
export function runnableOperators(
  domains: readonly string[],
): Pick<Probe, 'domain' | 'operator' | 'opset'>[] {
  return domains.flatMap((domain) =>
    (signatures[domain] ?? '')
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [opType = '', since] = line.split(' ', 2);
        const operator = findOperator(domain, opType, Number(since));
        const next = operatorVersions(domain, opType).find((version) => version > Number(since));
        const newest = domain === '' ? Math.min(newestRunnableOpset, (next ?? Infinity) - 1) : Number(since);
        const isRunnable = domain !== '' || (newest >= oldestRunnableOpset && Number(since) <= newest);
        return operator && !operator.deprecated && isRunnable ? [{ domain, operator, opset: newest }] : [];
      }),
  );
}

/** Types that most kernels take. */
const preferred = ['float', 'int32', 'uint8', 'int64', 'bool', 'float16'].map((name) => `tensor(${name})`);

/** What each type variable stands for: of what `takes` allows the most usual. */
export function usualTypes(
  { typeVariables }: Operator,
  takes: (variable: string, type: string) => boolean = () => true,
): Map<string, string> {
  return new Map(
    Array.from(typeVariables, ([variable, types]) => {
      const allowed = [...types].filter((type) => takes(variable, type));
      return [variable, preferred.find((type) => allowed.includes(type)) ?? allowed[0] ?? ''];
    }),
  );
}

/** Forms that a node may have to be given until ONNX Runtime says whether it runs it; the usual first. */
export const forms = [
  { withOptional: false, withOutputTypes: false },
  { withOptional: true, withOutputTypes: false },
  { withOptional: false, withOutputTypes: true },
  { withOptional: true, withOutputTypes: true },
] as const;

function oneNodeModel({ domain, operator, opset, types, withOptional, withOutputTypes }: Probe) {
  const isGiven = ({ arity }: Formal) =>
    arity.kind === 'single' || (arity.kind === 'variadic' && arity.min > 0);
  const typeOf = ({ type }: Formal) => valueType(types.get(type) ?? type);
  const inputs = operator.inputs.filter(
    (formal) => withOptional || operator.opType === 'Loop' || isGiven(formal),
  );
  const given = operator.outputs.filter(isGiven);
  const outputs = given.length > 0 ? given : operator.outputs.slice(0, 1);
  const inputTypes = inputs.map(typeOf);
  const attributes = attributesOf(operator, types);
  if (attributes === undefined || inputTypes.includes(undefined)) return undefined;
  const node = createNode(
    operator.opType,
    inputs.map((_, index) => `x${index}`),
    outputs.map((_, index) => `y${index}`),
    {},
    domain,
  );
  const graph: Graph = {
    ...createGraph('g'),
    nodes: [{ ...node, attributes }],
    inputs: inputTypes.map((type, index) => createValueInfo(`x${index}`, type)),
    outputs: outputs.map((formal, index) =>
      createValueInfo(`y${index}`, withOutputTypes ? typeOf(formal) : undefined),
    ),
  };
  return { ...createModel(graph), opsets: opsetsOf(domain, opset) };
}

function opsetsOf(domain: string, version: number): Model['opsets'] {
  return domain === ''
    ? [{ domain, version }]
    : [
        { domain: '', version: 21 },
        { domain, version },
      ];
}

/** A type in the words of the operator table; undefined for maps and what else no input of a session has. */
function valueType(text: string): ValueType | undefined {
  const [, kind, inner = ''] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  if (kind === 'seq' || kind === 'optional') {
    const element = valueType(inner);
    return element && { kind: kind === 'seq' ? 'sequence' : 'optional', element };
  }
  const elementType = elementTypes[inner.toUpperCase() as keyof typeof elementTypes];
  return kind === 'tensor' && elementType !== undefined ? { kind, elementType } : undefined;
}

/** Attributes without which, or with 1 for which, a node makes no sense. */
const hints: Record<string, number | string | number[]> = {
  'Gather.axis': 0,
  'Concat.axis': 0,
  'ConcatFromSequence.axis': 0,
  'Einsum.equation': 'ij->ji',
  'DepthToSpace.blocksize': 2,
  'SpaceToDepth.blocksize': 2,
  'MatMulNBits.K': 64,
  'MatMulNBits.N': 32,
  'MatMulNBits.block_size': 32,
  'MatMulNBits.bits': 4,
  'GatherBlockQuantized.block_size': 32,
  'Conv.kernel_shape': [3, 3],
  'ConvTranspose.kernel_shape': [3, 3],
  'MaxPool.kernel_shape': [2, 2],
  'AveragePool.kernel_shape': [2, 2],
  'GroupQueryAttention.num_heads': 8,
  'GroupQueryAttention.kv_num_heads': 8,
  'Upsample.scales': [1, 1, 2, 2],
  'RNN.hidden_size': 4,
  'LSTM.hidden_size': 4,
  'GRU.hidden_size': 4,
  'Slice.starts': [0],
  'Slice.ends': [1],
  'Pad.pads': [0, 0, 0, 0, 0, 0, 0, 0],
  'Pad.paddings': [0, 0, 0, 0, 0, 0, 0, 0],
  'ReduceSum.axes': [0],
  'Unsqueeze.axes': [0],
  'Split.split': [1],
  'Split.num_outputs': 1,
  'GroupNorm.groups': 1,
  'GroupNorm.activation': 0,
  'GroupNormalization.num_groups': 1,
  'SkipGroupNorm.groups': 1,
  'RMSNormalization.axis': -1,
};

/** Undefined where a required attribute is of a kind that is not made up here. */
function attributesOf(
  operator: Operator,
  types: ReadonlyMap<string, string>,
): Map<string, Attribute> | undefined {
  const attributes = new Map<string, Attribute>();
  for (const declared of operator.attributes.values()) {
    const key = `${operator.opType}.${declared.name}`;
    const isWanted = declared.required || key in hints || key === 'Constant.value';
    if (!isWanted) continue;
    const attribute =
      key === 'Cast.to' ? castTarget(declared, types) : attributeOf(operator, declared, types);
    if (attribute === undefined) return undefined;
    attributes.set(declared.name, attribute);
  }
  return attributes;
}

const encoder = new TextEncoder();

/** `to` was the name of a type once. */
function castTarget({ type }: AttributeDeclaration, types: ReadonlyMap<string, string>): Attribute {
  const name = (types.get('T2') ?? 'tensor(float)').slice('tensor('.length, -1).toUpperCase();
  if (type === 'string') return { type, value: encoder.encode(name) };
  return { type: 'int', value: BigInt(elementTypes[name as keyof typeof elementTypes]) };
}

function attributeOf(
  operator: Operator,
  { name, type }: AttributeDeclaration,
  types: ReadonlyMap<string, string>,
): Attribute | undefined {
  const hint = hints[`${operator.opType}.${name}`];
  const numbers = Array.isArray(hint) ? hint : [1, 1];
  switch (type) {
    case 'int':
      return { type, value: BigInt(typeof hint === 'number' ? hint : 1) };
    case 'float':
      return { type, value: typeof hint === 'number' ? hint : 1 };
    case 'string':
      return { type, value: encoder.encode(typeof hint === 'string' ? hint : '') };
    case 'ints':
      return { type, value: BigInt64Array.from(numbers, BigInt) };
    case 'floats':
      return { type, value: Float32Array.from(numbers) };
    case 'strings':
      return { type, value: [encoder.encode('a')] };
    case 'tensor':
      return { type, value: zero(name) };
    case 'graph': {
      const value = bodyOf(operator.opType, name, valueType(types.get('V') ?? 'tensor(float)'));
      return value && { type, value };
    }
    default:
      return undefined;
  }
}

function zero(name: string) {
  return createConstant(name, elementTypes.FLOAT, [1], new Uint8Array(4));
}

/** The least body that an operator takes. */
function bodyOf(opType: string, name: string, type: ValueType | undefined): Graph | undefined {
  const graph = createGraph(name);
  if (opType === 'If') {
    const output = `${name}_value`;
    return {
      ...graph,
      initializers: new Map([[output, zero(output)]]),
      outputs: [createValueInfo(output)],
    };
  }
  const copy = {
    ...graph,
    nodes: [createNode('Identity', ['v'], ['v_next'])],
    inputs: [createValueInfo('v', type)],
    outputs: [createValueInfo('v_next', type)],
  };
  if (opType === 'Scan') return copy;
  if (opType !== 'Loop') return undefined;
  const condition: ValueType = { kind: 'tensor', elementType: elementTypes.BOOL };
  const yes = createConstant('more', elementTypes.BOOL, [], Uint8Array.of(1));
  return {
    ...copy,
    initializers: new Map([['more', yes]]),
    inputs: [
      createValueInfo('iteration', { kind: 'tensor', elementType: elementTypes.INT64 }),
      createValueInfo('condition', condition),
      ...copy.inputs,
    ],
    outputs: [createValueInfo('more', condition), ...copy.outputs],
  };
}
