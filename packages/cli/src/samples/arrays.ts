import { extname } from 'node:path';
import {
  CoveyError,
  elementBytes,
  elementCount,
  limits,
  parseJson,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';
import { parseNpy } from '../tensors/npy.ts';
import { parseNpz } from '../tensors/npz.ts';
import { nestedTensor } from '../tensors/numbers.ts';
import { rawTensor } from '../tensors/read.ts';
import { fitted } from '../tensors/shapes.ts';
import type { Sample } from './sample-set.ts';

/**
 * The samples in a file of numbers, for the inputs `specs`: `.npy`, raw elements and plain nested JSON are the only input;
 * `.npz`, a JSON object and a JSON list of objects name them. Errors: those of reading; INVALID_ARGUMENT when names, types,
 * shapes or counts do not fit.
 */
export function readArrays(path: string, specs: readonly TensorSpec[]): Sample[] {
  const bytes = readPlainFile(path);
  const extension = extname(path).toLowerCase();
  if (extension === '.npz') return fromNamed(parseNpz(bytes), specs);
  if (extension === '.json') return fromJson(parseJson(bytes, path, limits.inferenceBodyBytes), specs);
  const spec = onlyInput(specs);
  const tensor = extension === '.npy' ? parseNpy(bytes) : withSamples(spec, rawTensor(spec, bytes));
  return samplesIn(spec, tensor).map((sample) => ({ [spec.name]: sample }));
}

/** Raw elements, one sample behind the other, where the input's shape tells how long a sample is; otherwise one sample. */
function withSamples(spec: TensorSpec, tensor: Tensor): Tensor {
  const [batch = 1, ...others] = spec.shape;
  const shape = [batch === -1 ? 1 : batch, ...others];
  const count = elementCount(tensor.shape) / elementCount(shape);
  return others.includes(-1) || !Number.isInteger(count) ? tensor : { ...tensor, shape: [count, ...shape] };
}

/** Errors: INVALID_ARGUMENT when one array must feed several inputs. */
export function onlyInput(specs: readonly TensorSpec[]): TensorSpec {
  const [spec, ...others] = specs;
  if (spec && others.length === 0) return spec;
  throw new CoveyError(
    'INVALID_ARGUMENT',
    spec
      ? `the samples must feed the inputs ${specs.map(({ name }) => name).join(', ')}: name them in .npz or JSON files, or say with --input what is constant and with --carry what is carried, for all but one`
      : 'every input is constant or carried: there is nothing to sample',
  );
}

function fromJson(document: unknown, specs: readonly TensorSpec[]): Sample[] {
  if (isRecord(document)) return fromNamed(tensorsOf(document, specs), specs);
  if (Array.isArray(document) && document.length > 0 && document.every(isRecord))
    return document.flatMap((item) => fromNamed(tensorsOf(item, specs), specs));
  const spec = onlyInput(specs);
  return samplesIn(spec, nestedTensor(spec, document)).map((sample) => ({ [spec.name]: sample }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tensorsOf(document: Record<string, unknown>, specs: readonly TensorSpec[]): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [name, nestedTensor(specNamed(name, specs), value)]),
  );
}

function specNamed(name: string, specs: readonly TensorSpec[]): TensorSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec) return spec;
  const names = specs.map((candidate) => candidate.name).join(', ');
  throw new CoveyError('INVALID_ARGUMENT', `there is no input ${name} to sample; the inputs are ${names}`);
}

/** numpy.savez calls a first array without a name so. */
const unnamedArray = 'arr_0';

function fromNamed(tensors: Record<string, Tensor>, specs: readonly TensorSpec[]): Sample[] {
  const names = Object.keys(tensors);
  const isUnnamed = names.length === 1 && names[0] === unnamedArray && specs.length === 1;
  const lists = specs.map((spec): [string, Tensor[]] => {
    const tensor = Object.hasOwn(tensors, spec.name)
      ? tensors[spec.name]
      : isUnnamed
        ? tensors[unnamedArray]
        : undefined;
    if (!tensor)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `nothing is given for input ${spec.name}; there is ${names.join(', ')}`,
      );
    return [spec.name, samplesIn(spec, tensor)];
  });
  if (!isUnnamed) for (const name of names) specNamed(name, specs);
  const counts = new Set(lists.map(([, list]) => list.length));
  if (counts.size > 1) {
    const each = lists.map(([name, list]) => `${list.length} for ${name}`).join(', ');
    throw new CoveyError('INVALID_ARGUMENT', `the inputs have different numbers of samples: ${each}`);
  }
  const [count = 0] = counts;
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(lists.flatMap(([name, list]) => (list[index] ? [[name, list[index]]] : []))),
  );
}

const mostSamples = 1_000_000;

/**
 * An array as samples of one input, each a batch of one. The first dimension counts samples when the array has one dimension
 * more than the input, when the input's own first dimension is a batch (it varies, or is 1 and the array's is not), or, of
 * arrays that leave out dimensions of 1, when what remains fills the input. Otherwise the array is one sample.
 * Errors: INVALID_ARGUMENT when type or shape do not fit, PAYLOAD_TOO_LARGE.
 */
export function samplesIn(spec: TensorSpec, tensor: Tensor): Tensor[] {
  if (!countsSamples(spec, tensor) || spec.datatype === 'BYTES') return [fitted(spec, tensor)];
  const [count = 0, ...shape] = tensor.shape;
  if (tensor.datatype !== spec.datatype) return [fitted(spec, tensor)];
  const sampleBytes = elementCount(shape) * elementBytes[spec.datatype];
  // Without a byte of data an array may claim any number of samples.
  if (count > mostSamples || (sampleBytes === 0 && count > 0))
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `input ${spec.name}: the array holds ${count} samples of ${sampleBytes} bytes; at most ${mostSamples} of 1 byte or more are read`,
    );
  return Array.from({ length: count }, (_, index) =>
    fitted(spec, {
      datatype: tensor.datatype,
      shape,
      data: tensor.data.subarray(index * sampleBytes, (index + 1) * sampleBytes),
    }),
  );
}

function countsSamples(spec: TensorSpec, tensor: Tensor): boolean {
  const rank = tensor.shape.length;
  if (rank !== spec.shape.length) {
    if (rank > spec.shape.length) return true;
    const wanted = elementCount(spec.shape.map((dimension) => (dimension === -1 ? 1 : dimension)));
    const varies = spec.shape.slice(1).includes(-1);
    return (
      rank > 0 &&
      !varies &&
      elementCount(tensor.shape) !== wanted &&
      elementCount(tensor.shape.slice(1)) === wanted
    );
  }
  return spec.shape[0] === -1 || (spec.shape[0] === 1 && tensor.shape[0] !== 1);
}
