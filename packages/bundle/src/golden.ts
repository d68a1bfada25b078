import {
  CoveyError,
  type GoldenVector,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';

/** Errors: INVALID_DOCUMENT unless every vector gives all inputs and at least one output, of the schema's types and shapes. */
export function checkGolden(vectors: readonly GoldenVector[], schema: ModelSchema): void {
  vectors.forEach(({ inputs, outputs }, i) => {
    for (const { name } of schema.inputs) {
      if (!Object.hasOwn(inputs, name)) throw wrong(`vector ${i}: input "${name}" is missing`);
    }
    if (Object.keys(outputs).length === 0) throw wrong(`vector ${i}: no outputs`);
    for (const [name, tensor] of Object.entries(inputs))
      checkSpec(`vector ${i}`, name, tensor, schema.inputs);
    for (const [name, tensor] of Object.entries(outputs))
      checkSpec(`vector ${i}`, name, tensor, schema.outputs);
  });
}

function checkSpec(where: string, name: string, tensor: Tensor, specs: readonly TensorSpec[]): void {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw wrong(`${where}: the schema has no "${name}"`);
  const fits =
    spec.datatype === tensor.datatype &&
    spec.shape.length === tensor.shape.length &&
    spec.shape.every((dimension, i) => dimension === -1 || dimension === tensor.shape[i]);
  if (!fits) {
    const given = `${tensor.datatype} [${tensor.shape}]`;
    throw wrong(`${where}: "${name}" is ${given}, the schema says ${spec.datatype} [${spec.shape}]`);
  }
}

function wrong(what: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `golden vectors: ${what}`);
}
