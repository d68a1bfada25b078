import type { Node } from '../../model/index.ts';

/** Kinds of boxes: each has a colour of its own. */
export type Family =
  | 'input'
  | 'output'
  | 'product'
  | 'activation'
  | 'normalization'
  | 'pool'
  | 'arithmetic'
  | 'arrangement'
  | 'quantization'
  | 'recurrent'
  | 'control'
  | 'other';

/** In the order in which a name is tried: `QLinearConv` is a quantized operator before it is a convolution. */
const patterns: readonly (readonly [Family, RegExp])[] = [
  ['quantization', /[Qq]uantize|^QLinear|^QGemm|Integer|NBits|Bnb4/],
  ['recurrent', /^(LSTM|GRU|RNN)$/],
  ['control', /^(If|Loop|Scan|SequenceMap)$/],
  ['normalization', /Normalization$|^LRN$|^LpNorm/],
  ['pool', /Pool|^Resize$|^Upsample$|^Reduce|^Arg(Max|Min)$|^TopK$/],
  ['product', /Conv|MatMul|Gemm|^Einsum$|Attention|^TreeEnsemble|^Linear(Classifier|Regressor)$|^SVM/],
  [
    'activation',
    /elu$|Gelu|ELU|^(HardS|Sigmoid|Tanh|Soft|LogSoftmax|Hardmax|Erf|Exp$|Mish|Swish|Clip|Log$)/i,
  ],
  [
    'arrangement',
    /^(Shape|Size|Reshape|Flatten|Squeeze|Unsqueeze|Transpose|Concat|Split|Slice|Pad|Tile|Expand|Cast|Identity|Dropout|Constant|Range|OneHot|NonZero|DepthToSpace|SpaceToDepth|ZipMap)|^Gather|^Scatter/,
  ],
  [
    'arithmetic',
    /^(Add|Sub|Mul|Div|Pow|Mod|Neg|Abs|Sqrt|Reciprocal|Sum|Mean|Max|Min|Equal|Less|Greater|And|Or|Not|Xor|Where|Floor|Ceil|Round|Sign|Sin|Cos|CumSum)/,
  ],
];

export function familyOf({ opType }: Node): Family {
  return patterns.find(([, pattern]) => pattern.test(opType))?.[0] ?? 'other';
}
