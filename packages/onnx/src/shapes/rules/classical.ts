import {
  type Dimension,
  elementTypes,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type Node,
} from '../../model/index.ts';
import { like, type Rule, type Rules } from '../call.ts';
import { product } from '../dimensions.ts';
import { type Known, known } from '../known.ts';

/** Rows of a table: a vector is one. */
function rowsOf(input: Known | undefined): Dimension {
  if (input?.shape === undefined) return null;
  return input.shape.length < 2 ? 1 : (input.shape[0] ?? null);
}

function stringsCount(node: Node, name: string): number {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'strings' ? attribute.value.length : 0;
}

/** Class labels, as text or integers: how many, and of which type. */
function labelsOf(node: Node, texts: string, ints: string): { elementType: number; count: number } {
  const count = stringsCount(node, texts);
  return count > 0
    ? { elementType: elementTypes.STRING, count }
    : { elementType: elementTypes.INT64, count: intsAttribute(node, ints)?.length ?? 0 };
}

/** [N, features] -> labels [N] and scores [N, classes]. */
function classifier(ints: string, hasScorePerClass: (node: Node, count: number) => boolean): Rule {
  return ({ node, inputs: [input] }) => {
    const { elementType, count } = labelsOf(node, 'classlabels_strings', ints);
    const rows = rowsOf(input);
    const scores = count > 0 && hasScorePerClass(node, count) ? count : null;
    return [known(elementType, [rows]), known(elementTypes.FLOAT, [rows, scores])];
  };
}

/** Two classes may share one intercept; the second score is then made from the first. */
const isLinearPerClass = (node: Node, count: number) => {
  const intercepts = floatsAttribute(node, 'intercepts')?.length ?? 0;
  return intercepts === count || (intercepts === 1 && count === 2);
};

/** [N, features] -> [N, targets]. */
function regressor(countOf: (node: Node) => number): Rule {
  return ({ node, inputs: [input] }) => [known(elementTypes.FLOAT, [rowsOf(input), countOf(node)])];
}

const floats: Rule = ({ inputs: [input] }) => [known(elementTypes.FLOAT, input?.shape)];

/** Columns picked by index: [..., F] -> [..., indices]. */
const extract: Rule = ({ inputs: [input, indices] }) => {
  const dims = input?.shape;
  const count = indices?.shape && product(indices.shape);
  return [
    input &&
      known(
        input.elementType,
        dims && (dims.length < 2 ? [1, count ?? null] : [...dims.slice(0, -1), count ?? null]),
      ),
  ];
};

const labelEncoder: Rule = ({ node, inputs: [input] }) => {
  const values: [string, number][] = [
    ['values_strings', elementTypes.STRING],
    ['values_int64s', elementTypes.INT64],
    ['values_floats', elementTypes.FLOAT],
  ];
  const elementType = values.find(([name]) => node.attributes.has(name))?.[1];
  if (elementType !== undefined) return [known(elementType, input?.shape)];
  const tensor = node.attributes.get('values_tensor');
  if (tensor?.type === 'tensor') return [known(tensor.value.elementType, input?.shape)];
  return [textsToNumbers(input)];
};

/** Text becomes integers, integers become text. */
function textsToNumbers(input: Known | undefined): Known | undefined {
  const isText = input?.elementType === elementTypes.STRING;
  return input && known(isText ? elementTypes.INT64 : elementTypes.STRING, input.shape);
}

const oneHotEncoder: Rule = ({ node, inputs: [input] }) => {
  const { count } = labelsOf(node, 'cats_strings', 'cats_int64s');
  return [known(elementTypes.FLOAT, input?.shape && [...input.shape, count])];
};

const vectorizer: Rule = ({ node, inputs: [input] }) => {
  const width = intsAttribute(node, 'inputdimensions')?.reduce((sum, part) => sum + part, 0);
  return [known(elementTypes.FLOAT, [rowsOf(input), width ?? null])];
};

/** Operators of ai.onnx.ml; those that give maps and sequences have none, for these are no tensors. */
export const classicalRules: Rules = {
  TreeEnsembleClassifier: classifier('classlabels_int64s', () => true),
  TreeEnsembleRegressor: regressor((node) => intAttribute(node, 'n_targets') ?? 1),
  TreeEnsemble: ({ node, inputs: [input] }) => [
    input && known(input.elementType, [rowsOf(input), intAttribute(node, 'n_targets') ?? 1]),
  ],
  LinearClassifier: classifier('classlabels_ints', isLinearPerClass),
  LinearRegressor: regressor((node) => intAttribute(node, 'targets') ?? 1),
  SVMClassifier: classifier('classlabels_ints', () => false),
  SVMRegressor: regressor(() => 1),
  Scaler: floats,
  Normalizer: floats,
  Imputer: like(),
  Binarizer: like(),
  ArrayFeatureExtractor: extract,
  LabelEncoder: labelEncoder,
  CategoryMapper: ({ inputs: [input] }) => [textsToNumbers(input)],
  OneHotEncoder: oneHotEncoder,
  FeatureVectorizer: vectorizer,
};
