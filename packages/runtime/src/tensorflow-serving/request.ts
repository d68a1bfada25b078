import { CoveyError, type LoadedModel, type Tensor, type TensorSpec } from '@covey/protocol';
import {
  isNested,
  needsExactIntegers,
  nestedShape,
  parseJson,
  type ReadBytes,
  tensorFromJson,
  textBytes,
} from '../http/index.ts';
import { checkForm, type Tensors } from '../tensors/index.ts';

export interface PredictRequest {
  inputs: Tensors;
  /** Instances of the row form; undefined for the column form. */
  rows: number | undefined;
}

/** The one signature that a model has. */
const signatures: readonly unknown[] = [undefined, '', 'serving_default'];

/** Reads a predict request in row form (`instances`) or column form (`inputs`). Errors: INVALID_DOCUMENT, INPUT_INVALID. */
export function readPredict(json: Buffer, { schema }: LoadedModel): PredictRequest {
  const document = parseJson(json, 'predict request', needsExactIntegers(schema.inputs));
  if (!isObject(document)) throw new CoveyError('INVALID_DOCUMENT', 'predict request must be an object');
  const { signature_name: signature, instances, inputs } = document;
  if (!signatures.includes(signature)) {
    const message = `signature ${JSON.stringify(signature).slice(0, 100)}: models here have serving_default`;
    throw new CoveyError('INVALID_DOCUMENT', message);
  }
  if ((instances === undefined) === (inputs === undefined)) {
    throw new CoveyError('INVALID_DOCUMENT', 'predict request must have instances or inputs, not both');
  }
  if (instances === undefined) {
    const columns = isNamed(inputs) ? inputs : { [onlyInput(schema.inputs)]: inputs };
    return { inputs: tensorsOf(columns, schema.inputs), rows: undefined };
  }
  if (!Array.isArray(instances) || instances.length === 0) {
    throw new CoveyError('INVALID_DOCUMENT', 'predict request: instances must be a list that is not empty');
  }
  return { inputs: tensorsOf(columnsOf(instances, schema.inputs), schema.inputs), rows: instances.length };
}

/** Instances as one list per input. */
function columnsOf(instances: readonly unknown[], specs: readonly TensorSpec[]): Record<string, unknown> {
  if (!isNamed(instances[0])) return { [onlyInput(specs)]: instances };
  const names = Object.keys(instances[0]);
  return Object.fromEntries(
    names.map((name) => [
      name,
      instances.map((instance, i) => {
        if (
          isNamed(instance) &&
          Object.keys(instance).length === names.length &&
          Object.hasOwn(instance, name)
        )
          return instance[name];
        throw new CoveyError('INPUT_INVALID', `instance ${i} names other inputs than instance 0`);
      }),
    ]),
  );
}

function tensorsOf(columns: Record<string, unknown>, specs: readonly TensorSpec[]): Tensors {
  const tensors: Tensors = {};
  for (const [name, data] of Object.entries(columns)) {
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      const known = specs.map((candidate) => candidate.name).join(', ');
      const message = `the model has no input ${name}; it has ${known}`.slice(0, 1_000);
      throw new CoveyError('INPUT_INVALID', message);
    }
    tensors[name] = tensorOf(spec, data);
  }
  return tensors;
}

function tensorOf(spec: TensorSpec, data: unknown): Tensor {
  const shape = nestedShape(data);
  checkForm(spec, { datatype: spec.datatype, shape });
  if (!isNested(data, shape)) {
    throw new CoveyError('INPUT_INVALID', `input ${spec.name}: its lists are not all of one length`);
  }
  return tensorFromJson(spec.name, spec.datatype, shape, data, readBytes);
}

/** A text, or bytes in base64. */
const readBytes: ReadBytes = (value) => {
  if (!isBase64(value)) return textBytes(value);
  const isWhole = value.b64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value.b64);
  return isWhole ? Buffer.from(value.b64, 'base64') : undefined;
};

function onlyInput([spec, ...others]: readonly TensorSpec[]): string {
  if (spec && others.length === 0) return spec.name;
  throw new CoveyError('INPUT_INVALID', 'the model has several inputs: give each by its name');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Inputs by name, as against one value in base64. */
function isNamed(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !isBase64(value);
}

function isBase64(value: unknown): value is { b64: string } {
  return isObject(value) && typeof value.b64 === 'string' && Object.keys(value).length === 1;
}
