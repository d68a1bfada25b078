import { type Dimension, elementTypes, intAttribute, textAttribute } from '../../model/index.ts';
import { broadcast, type Call, fail, formatShape, type Rule, type Rules } from '../call.ts';
import { known } from '../known.ts';

type Shape = readonly Dimension[] | undefined;

/** numpy.matmul: the last two dimensions multiply, those before broadcast; a vector is a row or a column. */
function matrixProduct(call: Call, a: Shape, b: Shape): Dimension[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0)
    return fail(call, `${formatShape(a)} times ${formatShape(b)}: a scalar is no matrix`);
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const [inner, other] = [left.at(-1), right.at(-2)];
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other)
    fail(call, `${formatShape(a)} times ${formatShape(b)}: the inner dimensions differ`);
  const batch = broadcast(call, [left.slice(0, -2), right.slice(0, -2)]) ?? [];
  return [
    ...batch,
    ...(a.length === 1 ? [] : [left.at(-2) ?? null]),
    ...(b.length === 1 ? [] : [right.at(-1) ?? null]),
  ];
}

/** The product of inputs `a` and `b`, of the type of input `typeFrom` or of a fixed type. */
function matmul(a: number, b: number, typeFrom: number | { elementType: number }): Rule {
  return (call) => {
    const source = typeof typeFrom === 'number' ? call.inputs[typeFrom] : typeFrom;
    return [
      source && known(source.elementType, matrixProduct(call, call.inputs[a]?.shape, call.inputs[b]?.shape)),
    ];
  };
}

function transposed(shape: Shape, isTransposed: boolean): Shape {
  if (!isTransposed || shape === undefined || shape.length < 2) return shape;
  return [...shape.slice(0, -2), shape.at(-1) ?? null, shape.at(-2) ?? null];
}

const fusedMatmul: Rule = (call) => {
  const [a, b] = call.inputs;
  const flag = (name: string) => (intAttribute(call.node, name) ?? 0) !== 0;
  if (a === undefined || flag('transBatchA') || flag('transBatchB'))
    return [a && known(a.elementType, undefined)];
  const [left, right] = [transposed(a.shape, flag('transA')), transposed(b?.shape, flag('transB'))];
  return [known(a.elementType, matrixProduct(call, left, right))];
};

/** Matrices at inputs `a` and `b`, either transposed; the result has the type of the input that is given first. */
function gemm(a: number, b: number, typeFrom: (call: Call) => number | undefined): Rule {
  return (call) => {
    const elementType = typeFrom(call);
    if (elementType === undefined) return [];
    const [left, right] = [call.inputs[a]?.shape, call.inputs[b]?.shape];
    for (const shape of [left, right])
      if (shape && shape.length !== 2) fail(call, `takes matrices, not ${formatShape(shape)}`);
    const [rows, inner] = transposed(left, intAttribute(call.node, 'transA') === 1) ?? [];
    const [other, columns] = transposed(right, intAttribute(call.node, 'transB') === 1) ?? [];
    if (typeof inner === 'number' && typeof other === 'number' && inner !== other)
      fail(call, `${formatShape(left)} times ${formatShape(right)}: the inner dimensions differ`);
    return [known(elementType, [rows ?? null, columns ?? null])];
  };
}

/** A[..., K] times a packed matrix [N, K]; `N` is an attribute. */
const packedMatmul: Rule = (call) => {
  const [a] = call.inputs;
  const columns = intAttribute(call.node, 'N') ?? null;
  return [a && known(a.elementType, a.shape && [...a.shape.slice(0, -1), columns])];
};

/** `bhwc,hkc->bhwk` and the like; an equation with `...` is not followed. */
const einsum: Rule = (call) => {
  const [first] = call.inputs;
  const equation = (textAttribute(call.node, 'equation') ?? '').replaceAll(' ', '');
  if (first === undefined || equation.includes('.')) return [first && known(first.elementType, undefined)];
  const [terms = '', stated] = equation.split('->');
  const sizes = new Map<string, Dimension>();
  for (const [index, term] of terms.split(',').entries()) {
    const shape = call.inputs[index]?.shape;
    if (shape && shape.length !== term.length)
      fail(call, `"${term}" does not name the dimensions of ${formatShape(shape)}`);
    for (const [axis, letter] of [...term].entries()) {
      const [shared = null] = broadcast(call, [[sizes.get(letter) ?? 1], [shape?.[axis] ?? null]]) ?? [];
      sizes.set(letter, shared);
    }
  }
  const letters = [...terms.replaceAll(',', '')];
  const isOnce = (letter: string) => letters.indexOf(letter) === letters.lastIndexOf(letter);
  const output = stated === undefined ? letters.filter(isOnce).sort() : [...stated];
  return [
    known(
      first.elementType,
      output.map((letter) => sizes.get(letter) ?? null),
    ),
  ];
};

const determinant: Rule = ({ inputs: [input] }) => [
  input && known(input.elementType, input.shape?.slice(0, -2)),
];

const integerSum = { elementType: elementTypes.INT32 };

export const matrixRules: Rules = {
  MatMul: matmul(0, 1, 0),
  MatMulInteger: matmul(0, 1, integerSum),
  QLinearMatMul: matmul(0, 3, 7),
  Gemm: gemm(0, 1, ({ inputs: [a] }) => a?.elementType),
  Einsum: einsum,
  Det: determinant,
};

export const microsoftMatrixRules: Rules = {
  FusedMatMul: fusedMatmul,
  TransposeMatMul: fusedMatmul,
  FusedMatMulActivation: fusedMatmul,
  FusedGemm: gemm(0, 1, ({ inputs: [a] }) => a?.elementType),
  QGemm: gemm(0, 3, (call) =>
    (call.node.inputs[8] ?? '') === '' ? elementTypes.FLOAT : call.inputs[8]?.elementType,
  ),
  MatMulInteger16: matmul(0, 1, integerSum),
  MatMulIntegerToFloat: matmul(0, 1, 2),
  DynamicQuantizeMatMul: matmul(0, 1, 0),
  MatMulNBits: packedMatmul,
  MatMulBnb4: packedMatmul,
};
