import {
  type Dimension,
  elementTypes,
  intAttribute,
  intsAttribute,
  textAttribute,
} from '../../model/index.ts';
import { like, type Rule, type Rules } from '../call.ts';
import { exactQuotient, multiply } from '../dimensions.ts';
import { type Known, known } from '../known.ts';

/**
 * RNN, GRU, LSTM: X [time, batch, input] -> Y [time, directions, batch, hidden] and the last state (and cell) [directions,
 * batch, hidden]; with `layout` 1 the batch stands first everywhere. `gates` rows of W make one hidden unit.
 */
function recurrent(gates: number): Rule {
  return ({ node, inputs: [data, weights] }) => {
    if (data === undefined) return [];
    const directions = textAttribute(node, 'direction') === 'bidirectional' ? 2 : 1;
    const rows = weights?.shape?.[1];
    const hidden = intAttribute(node, 'hidden_size') ?? (typeof rows === 'number' ? rows / gates : null);
    const isBatchFirst = intAttribute(node, 'layout') === 1;
    const [first = null, second = null] = data.shape ?? [];
    const [time, batch] = isBatchFirst ? [second, first] : [first, second];
    const all = isBatchFirst ? [batch, time, directions, hidden] : [time, directions, batch, hidden];
    const last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    const state = known(data.elementType, last);
    return [known(data.elementType, all), state, state];
  };
}

/** A tensor of known type whose shape depends on caches that are not followed. */
const cacheLike = (source: Known | undefined) => source && known(source.elementType, undefined);

const withLast = (source: Known | undefined, last: Dimension) =>
  source && known(source.elementType, source.shape && [...source.shape.slice(0, -1), last]);

/** com.microsoft.Attention: input [B, S, D], weights [D, q + k + v] -> [B, S, v]. */
const packedAttention: Rule = ({ node, inputs: [input, weights] }) => {
  const hidden =
    intsAttribute(node, 'qkv_hidden_sizes')?.[2] ?? exactQuotient([weights?.shape?.at(-1) ?? null], [3]);
  return [withLast(input, hidden), cacheLike(input)];
};

/** com.microsoft.MultiHeadAttention: [B, S, D] -> [B, S, width of the values]. */
const multiHeadAttention: Rule = ({ node, inputs: [query, , value] }) => {
  const dims = query?.shape;
  const cache = cacheLike(query);
  if (!query || !dims) return [query && known(query.elementType, undefined), cache, cache];
  const [batch = null, length = null] = dims;
  if (dims.length === 5) {
    const width = multiply(intAttribute(node, 'num_heads') ?? null, dims[4] ?? null);
    return [known(query.elementType, [batch, length, width]), cache, cache];
  }
  const values = value?.shape;
  if (values === undefined) return [known(query.elementType, [batch, length, null]), cache, cache];
  const width =
    values.length === 4 ? multiply(values[1] ?? null, values[3] ?? null) : (values.at(-1) ?? null);
  return [known(query.elementType, [batch, length, width]), cache, cache];
};

/** com.microsoft.GroupQueryAttention: the output is as wide as the query; queries, keys and values may come packed. */
const groupQueryAttention: Rule = (call) => {
  const { node, inputs } = call;
  const [query] = inputs;
  const [heads, groups] = [intAttribute(node, 'num_heads') ?? 0, intAttribute(node, 'kv_num_heads') ?? 0];
  const isPacked = (node.inputs[1] ?? '') === '';
  const packed = query?.shape?.at(-1) ?? null;
  const width = isPacked ? exactQuotient([multiply(packed, heads)], [heads + 2 * groups]) : packed;
  return [withLast(query, width), cacheLike(inputs[3] ?? query), cacheLike(inputs[4] ?? query)];
};

/** ai.onnx Attention: heads as a dimension of their own (rank 4), or side by side (rank 3). */
const attention: Rule = ({ node, inputs: [query, , value] }) => {
  const dims = query?.shape;
  const values = value?.shape;
  const cache = cacheLike(query);
  if (!query || !dims || !values) return [query && known(query.elementType, undefined), cache, cache];
  const heads = intAttribute(node, 'q_num_heads') ?? null;
  const groups = intAttribute(node, 'kv_num_heads') ?? 0;
  const width =
    dims.length === 4 ? (values[3] ?? null) : multiply(heads, exactQuotient([values[2] ?? null], [groups]));
  return [known(query.elementType, [...dims.slice(0, -1), width]), cache, cache, cache];
};

/** Like the input; behind it statistics that only training reads, then the sum of input and skip. */
const skipNormalization: Rule = ({ inputs: [input] }) => {
  const same = input && known(input.elementType, input.shape);
  return [same, undefined, undefined, same];
};

/** Token numbers [B, S] and a table [vocabulary, D] -> [B, S, D], the mask's index, the sum before normalization. */
const embedNormalization: Rule = ({ inputs: [tokens, , table] }) => {
  const [batch = null, length = null] = tokens?.shape ?? [];
  const embedded = table && known(table.elementType, [batch, length, table.shape?.[1] ?? null]);
  return [embedded, known(elementTypes.INT32, [batch]), embedded];
};

export const sequenceRules: Rules = {
  RNN: recurrent(1),
  GRU: recurrent(3),
  LSTM: recurrent(4),
  Attention: attention,
  RotaryEmbedding: like(),
};

export const microsoftSequenceRules: Rules = {
  DynamicQuantizeLSTM: recurrent(4),
  Attention: packedAttention,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  SkipLayerNormalization: skipNormalization,
  SkipSimplifiedLayerNormalization: skipNormalization,
  EmbedLayerNormalization: embedNormalization,
  RotaryEmbedding: like(),
};
