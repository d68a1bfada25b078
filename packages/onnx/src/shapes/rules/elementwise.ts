import { elementTypes } from '../../model/index.ts';
import { broadcast, elementTypeAttribute, isGiven, like, type Rule, type Rules } from '../call.ts';
import { known } from '../known.ts';
import { castTo, computations, computeContents } from './contents.ts';

/** Element by element over operands that broadcast; of the type of operand `typeFrom`, or BOOL. */
function elementwise(operands: number[], typeFrom: number | 'bool'): Rule {
  return (call) => {
    const inputs = operands.map((index) => call.inputs[index]);
    const elementType = typeFrom === 'bool' ? elementTypes.BOOL : call.inputs[typeFrom]?.elementType;
    if (elementType === undefined) return [];
    // Before opset 7 the second operand was laid over the first by an attribute.
    const isLegacy = call.version < 7 && operands.length === 2;
    const shapes = inputs.map((input) => input?.shape);
    const shape = isLegacy ? shapes[0] : broadcast(call, shapes);
    const compute = isLegacy ? undefined : computations.get(call.node.opType);
    return [known(elementType, shape, compute && computeContents(compute, inputs, shape, elementType))];
  };
}

const sameType = elementwise([0, 1], 0);
const comparison = elementwise([0, 1], 'bool');

/** One operand; its elements are followed where the operator is one of shape arithmetic. */
const unary = elementwise([0], 0);

/** Any number of operands. */
const variadic: Rule = (call) =>
  elementwise(
    call.node.inputs.map((_, index) => index),
    0,
  )(call);

const test: Rule = ({ inputs: [input] }) => [input && known(elementTypes.BOOL, input.shape)];

const cast: Rule = (call) => {
  const [input] = call.inputs;
  const elementType = elementTypeAttribute(call, 'to', 0);
  return [input && elementType !== 0 ? castTo(input, elementType) : undefined];
};

const castLike: Rule = ({ inputs: [input, target] }) => [
  input && target && castTo(input, target.elementType),
];

const identity: Rule = ({ inputs: [input] }) => [input];

/** The mask is BOOL since opset 10, before it had the type of the data. */
const dropout: Rule = ({ inputs: [input], version }) => [
  input,
  input && known(version >= 10 ? elementTypes.BOOL : input.elementType, input.shape),
];

/** Left alone without bounds; with them the elements are not followed. */
const clip: Rule = (call) =>
  isGiven(call, 1) || isGiven(call, 2) || call.version < 11 ? like()(call) : identity(call);

const floatFunctions = [
  ...['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Cos', 'Cosh', 'Sin', 'Sinh', 'Tan', 'Tanh'],
  ...[
    'Celu',
    'Elu',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'LeakyRelu',
    'Mish',
    'PRelu',
    'Relu',
    'Selu',
    'Shrink',
  ],
  ...[
    'Sigmoid',
    'Softplus',
    'Softsign',
    'Swish',
    'ThresholdedRelu',
    'Erf',
    'Exp',
    'Log',
    'Reciprocal',
    'Sign',
  ],
  ...['BitwiseNot', 'Bernoulli'],
];

export const elementwiseRules: Rules = {
  ...Object.fromEntries(floatFunctions.map((name) => [name, like()])),
  ...Object.fromEntries(['Abs', 'Ceil', 'Floor', 'Neg', 'Not', 'Round', 'Sqrt'].map((name) => [name, unary])),
  ...Object.fromEntries(
    ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'BitShift', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].map(
      (name) => [name, sameType],
    ),
  ),
  ...Object.fromEntries(
    ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Xor'].map((name) => [
      name,
      comparison,
    ]),
  ),
  ...Object.fromEntries(['Sum', 'Max', 'Min', 'Mean'].map((name) => [name, variadic])),
  Where: elementwise([0, 1, 2], 1),
  IsInf: test,
  IsNaN: test,
  Cast: cast,
  CastLike: castLike,
  Identity: identity,
  Dropout: dropout,
  Clip: clip,
};

/** Of com.microsoft: activations, some with a bias added first. */
export const fusedActivationRules: Rules = Object.fromEntries(
  ['BiasGelu', 'FastGelu', 'QuickGelu', 'Gelu'].map((name) => [name, like()]),
);
