import { CoveyError, type Datatype, datatypes, elementCount, type ModelSchema } from '@covey/protocol';
import { scheduleOf } from '../open-inference/index.ts';
import { checkForm, type Tensors } from '../tensors/index.ts';
import { elementsFrom } from './elements.ts';
import { FieldReader } from './fields.ts';
import type { InferRequest, Parameters } from './infer-request.ts';
import type { Lease } from './memory.ts';
import { Realigner } from './realigner.ts';

/** An output to answer with. */
export interface WantedOutput {
  name: string;
  /** Answered with the so many greatest elements as text; 0: with the tensor. */
  classes: number;
}

/** What a ModelInferRequest means to a model. */
export interface InferCall {
  inputs: Tensors;
  outputs: WantedOutput[];
  priority: number;
  timeoutMs: number | undefined;
}

/**
 * Tensors and parameters of a request, inputs over shared memory. Errors: INPUT_INVALID (names the tensor, expected and got),
 * PAYLOAD_TOO_LARGE, OVERLOADED, UNSUPPORTED, WIRE_MALFORMED.
 */
export function inferCallOf(request: InferRequest, schema: ModelSchema, lease: Lease): InferCall {
  return {
    ...scheduleOf(request.parameters),
    inputs: inputsOf(request, schema, lease),
    outputs: outputsOf(request, schema),
  };
}

function inputsOf({ inputs, raw }: InferRequest, schema: ModelSchema, lease: Lease): Tensors {
  if (raw.length > 0 && raw.length !== inputs.length) {
    const message = `raw_input_contents holds ${raw.length} tensors, inputs ${inputs.length}`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  const tensors: Tensors = {};
  const inPlace = new Realigner();
  for (const [i, { name, datatype, shape, parameters, contents }] of inputs.entries()) {
    const spec = schema.inputs.find((candidate) => candidate.name === name);
    if (spec === undefined) throw unknownTensor('input', name, schema.inputs);
    if (Object.hasOwn(tensors, name)) throw new CoveyError('INPUT_INVALID', `input ${name} is given twice`);
    refuseSharedMemory(parameters);
    if (!isDatatype(datatype)) {
      throw new CoveyError(
        'INPUT_INVALID',
        `input ${name}: expected ${spec.datatype}, got ${datatype || 'no datatype'}`,
      );
    }
    checkForm(spec, { datatype, shape });
    const bytes = raw[i];
    if (bytes && contents) {
      const message = `input ${name} has contents beside raw_input_contents: send one of them`;
      throw new CoveyError('INPUT_INVALID', message);
    }
    const data = bytes
      ? inPlace.aligned(bytes, datatype)
      : typedData(name, datatype, elementCount(shape), contents ?? new Uint8Array(), lease);
    tensors[name] = { datatype, shape, data };
  }
  return tensors;
}

/** Field of InferTensorContents by datatype. */
const contentFields: Record<Exclude<Datatype, 'FP16'>, number> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};
const contentNames = ['bool', 'int', 'int64', 'uint', 'uint64', 'fp32', 'fp64', 'bytes'];

function typedData(
  name: string,
  datatype: Datatype,
  count: number,
  contents: Uint8Array,
  lease: Lease,
): Uint8Array {
  if (datatype === 'FP16') {
    throw new CoveyError('INPUT_INVALID', `input ${name}: FP16 elements are sent in raw_input_contents`);
  }
  const wanted = contentFields[datatype];
  // An element takes at least a byte: memory is not spent on a shape that lies.
  if (count > contents.byteLength) {
    const message = `input ${name}: its shape holds ${count} elements, the contents fewer`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  function* occurrences() {
    const fields = new FieldReader(contents);
    for (let field = fields.next(); field !== 0; field = fields.next()) {
      if (field > contentNames.length) {
        fields.skip();
        continue;
      }
      if (field !== wanted) {
        const [got, takes] = [contentNames[field - 1], contentNames[wanted - 1]];
        throw new CoveyError(
          'INPUT_INVALID',
          `input ${name}: ${datatype} elements go in ${takes}_contents, not ${got}_contents`,
        );
      }
      yield datatype === 'BYTES' ? fields.bytes() : fields.packed();
    }
  }
  return elementsFrom({ name, datatype, count, fill: false }, occurrences, lease);
}

function outputsOf({ outputs }: InferRequest, schema: ModelSchema): WantedOutput[] {
  if (outputs.length === 0) return schema.outputs.map(({ name }) => ({ name, classes: 0 }));
  return outputs.map(({ name, parameters }, i) => {
    if (!schema.outputs.some((spec) => spec.name === name))
      throw unknownTensor('output', name, schema.outputs);
    if (outputs.findIndex((other) => other.name === name) !== i) {
      throw new CoveyError('INPUT_INVALID', `output ${name} is asked for twice`);
    }
    refuseSharedMemory(parameters);
    return { name, classes: classesOf(name, parameters) };
  });
}

/** Errors: UNSUPPORTED for tensors that lie elsewhere. */
function refuseSharedMemory(parameters: Parameters): void {
  if (parameters.shared_memory_region !== undefined) {
    throw new CoveyError('UNSUPPORTED', 'the shared-memory extension is not served: send the data itself');
  }
}

/** The `classification` of an output; 0 is none. */
function classesOf(name: string, { classification = 0 }: Parameters): number {
  if (Number.isSafeInteger(classification) && Number(classification) >= 0) return Number(classification);
  throw new CoveyError('INPUT_INVALID', `output ${name}: classification must be an integer from 0`);
}

function isDatatype(text: string): text is Datatype {
  return (datatypes as readonly string[]).includes(text);
}

function unknownTensor(
  what: 'input' | 'output',
  given: string,
  specs: readonly { name: string }[],
): CoveyError {
  const known = specs.map((spec) => spec.name).join(', ');
  return new CoveyError(
    'INPUT_INVALID',
    `the model has no ${what} ${given}; it has ${known}`.slice(0, 1_000),
  );
}
