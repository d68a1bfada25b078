import { CoveyError } from '@covey/protocol';
import {
  type Constant,
  countElements,
  elementsOf,
  elementTypes,
  rawBytes,
  type SparseConstant,
} from '../model/index.ts';
import { isElementType } from '../operators/index.ts';
import { clip, type Findings } from './finding.ts';

/**
 * Checks a tensor of the model: its type, that its dimensions are possible and that its data fill them. Answers whether
 * its elements can be read, once they are loaded.
 */
export function checkConstant(constant: Constant, name: string, graph: string, findings: Findings): boolean {
  const where = { graph, value: name };
  const { elementType, data } = constant;
  if (!isElementType(elementType)) {
    findings.error(
      'type-unsupported',
      `tensor "${clip(name)}" is of element type ${elementType}, which is not known`,
      where,
    );
    return false;
  }
  if (data.kind === 'external' && !isInsideFolder(data.location))
    findings.error(
      'external-path',
      `tensor "${clip(name)}" lies in "${clip(data.location)}", which is no path inside the model's folder`,
      where,
    );
  const problem = constantProblem({ ...constant, name: clip(name) });
  if (problem !== undefined) findings.error('constant-invalid', clip(problem), where);
  return problem === undefined;
}

/** What is wrong with the size of a tensor, in words. */
function constantProblem(constant: Constant): string | undefined {
  const { name, dims, data, elementType } = constant;
  try {
    const count = countElements(dims, name);
    if (data.kind === 'raw') rawBytes(constant);
    if (data.kind === 'strings' && data.strings.length !== count)
      return `tensor "${name}" has ${data.strings.length} strings, its dimensions [${dims}] hold ${count}`;
    if (data.kind === 'external' && elementType === elementTypes.STRING)
      return `tensor "${name}" holds strings, which cannot lie in another file`;
    return undefined;
  } catch (error) {
    if (error instanceof CoveyError) return error.message;
    throw error;
  }
}

/** Relative, without a way up: what loading will follow. Whether it is a link is seen when the file is opened. */
function isInsideFolder(location: string): boolean {
  if (location === '' || location.includes('\0')) return false;
  if (/^[/\\]|^[a-zA-Z]:/.test(location)) return false;
  return !location.split(/[/\\]/).includes('..');
}

/** Checks a sparse tensor: a value per index, indices inside its dimensions (SparseTensorProto of onnx.proto). */
export function checkSparseConstant(sparse: SparseConstant, graph: string, findings: Findings): void {
  const { values, indices, dims } = sparse;
  const name = values.name;
  const areValuesWhole = checkConstant(values, name, graph, findings);
  const areIndicesWhole = checkConstant(indices, `${name} (indices)`, graph, findings);
  if (!areValuesWhole || !areIndicesWhole) return;
  const problem = sparseProblem(values, indices, dims);
  if (problem)
    findings.error('constant-invalid', `sparse tensor "${clip(name)}" ${clip(problem)}`, {
      graph,
      value: name,
    });
}

function sparseProblem(values: Constant, indices: Constant, dims: readonly number[]): string | undefined {
  const [count = 0] = values.dims;
  if (values.dims.length !== 1) return `has values of rank ${values.dims.length}, not 1`;
  if (indices.elementType !== elementTypes.INT64) return 'has indices that are not INT64';
  const [indexCount, rank = 1] = indices.dims;
  if (indexCount !== count || indices.dims.length > 2)
    return `has ${count} values and indices [${indices.dims}]`;
  const isLinear = indices.dims.length === 1;
  if (!isLinear && rank !== dims.length) return `has indices of rank ${rank} in ${dims.length} dimensions`;
  if (indices.data.kind === 'external') return undefined;
  const bounds = isLinear ? [dims.reduce((product, dim) => product * dim, 1)] : dims;
  const positions = elementsOf(indices) as BigInt64Array;
  const outside = positions.findIndex((position, at) => {
    const bound = bounds[at % bounds.length] ?? 0;
    return position < 0n || Number(position) >= bound;
  });
  return outside < 0 ? undefined : `has the index ${positions[outside]} outside its dimensions [${dims}]`;
}
