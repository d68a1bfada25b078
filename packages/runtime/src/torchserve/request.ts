import { CoveyError, elementCount, type LoadedModel, type Tensor, type TensorSpec } from '@covey/protocol';
import {
  type InferenceBody,
  isNested,
  needsExactIntegers,
  nestedShape,
  parseJson,
  rawTensor,
  tensorFromJson,
} from '../http/index.ts';
import { checkForm, checkInput, encodeElements, type Tensors } from '../tensors/index.ts';
import { multipartParts } from './multipart.ts';

export interface Prediction {
  inputs: Tensors;
  /** The request had no dimension for instances: neither has the answer. */
  isOneInstance: boolean;
}

/** Names under which TorchServe's handlers look for the one thing that a request is about. */
const wholeNames = ['data', 'body', 'instances'];

interface Given {
  tensor: Tensor;
  isOneInstance: boolean;
}

/**
 * JSON, form parts by input, or raw bytes: of a BYTES input one element, of others the elements themselves, little-endian.
 * Errors: INVALID_DOCUMENT, INPUT_INVALID.
 */
export function readPrediction(
  body: InferenceBody,
  { schema }: LoadedModel,
  contentType: string,
): Prediction {
  const { inputs: specs } = schema;
  const given = new Map<string, Given>();
  const give = (name: string, read: (spec: TensorSpec) => Given) => {
    const spec = specOf(name, specs);
    if (given.has(spec.name)) throw new CoveyError('INPUT_INVALID', `input ${spec.name} is given twice`);
    given.set(spec.name, read(spec));
  };
  if (body.binary === undefined) {
    const value = parseJson(body.json, 'prediction request', needsExactIntegers(specs));
    const named =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { data: value };
    for (const [name, data] of Object.entries(named)) give(name, (spec) => fromJson(spec, data));
  } else if (/^\s*multipart\/form-data\b/i.test(contentType)) {
    for (const part of multipartParts(body.binary, contentType)) {
      give(part.name, (spec) => fromBytes(spec, part.content));
    }
  } else {
    const { binary } = body;
    give('body', (spec) => fromBytes(spec, binary));
  }
  return {
    inputs: Object.fromEntries([...given].map(([name, { tensor }]) => [name, tensor])),
    isOneInstance: [...given.values()].every(({ isOneInstance }) => isOneInstance),
  };
}

function specOf(name: string, specs: readonly TensorSpec[]): TensorSpec {
  const [first, ...others] = specs;
  const found = specs.find((spec) => spec.name === name);
  if (found) return found;
  if (first && others.length === 0 && wholeNames.includes(name)) return first;
  const known = specs.map((spec) => spec.name).join(', ');
  throw new CoveyError('INPUT_INVALID', `the model has no input ${name}; it has ${known}`.slice(0, 1_000));
}

/** One instance may leave out the dimension that counts instances. */
function fromJson(spec: TensorSpec, data: unknown): Given {
  const given = nestedShape(data);
  const counts = spec.shape[0] === -1 || spec.shape[0] === 1;
  const isOneInstance = counts && given.length === spec.shape.length - 1;
  const shape = isOneInstance ? [1, ...given] : given;
  checkForm(spec, { datatype: spec.datatype, shape });
  if (!isNested(data, given)) {
    throw new CoveyError('INPUT_INVALID', `input ${spec.name}: its lists are not all of one length`);
  }
  return { tensor: tensorFromJson(spec.name, spec.datatype, shape, data), isOneInstance };
}

function fromBytes(spec: TensorSpec, content: Uint8Array): Given {
  const tensor = rawTensor(spec, content);
  if (spec.datatype === 'BYTES') {
    if (elementCount(tensor.shape) !== 1) {
      throw new CoveyError('INPUT_INVALID', `input ${spec.name} takes several elements: send them as JSON`);
    }
    tensor.data = encodeElements([content]);
  }
  checkInput(spec, tensor);
  return { tensor, isOneInstance: tensor.shape[0] === 1 };
}
