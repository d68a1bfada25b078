import { CoveyError, elementCount, limits, parseJson, type Tensor, type TensorSpec } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';
import { parseNpy } from './npy.ts';
import { bytesOf, flatTensor, nestedTensor } from './numbers.ts';
import { fitted, shapeFor } from './shapes.ts';
import { bytesTensor } from './texts.ts';

/**
 * The tensor for one input as a user gives it: `@file.npy`, `@file.json` (numbers, nested or flat), `@file` (raw little-endian
 * elements), or numbers written out, `1,2.5,3`; for texts and pictures see bytesTensor. A dimension that varies is worked out from the number of elements.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, INVALID_DOCUMENT, WIRE_MALFORMED; each names the input or the file.
 */
export function readTensor(spec: TensorSpec, text: string): Tensor {
  if (spec.datatype === 'BYTES') return withShape(spec, bytesTensor(spec, text));
  if (!text.startsWith('@')) return withShape(spec, flatTensor(spec, text.split(',')));
  const path = text.slice(1);
  const bytes = readPlainFile(path);
  if (path.endsWith('.npy')) return fitted(spec, parseNpy(bytes));
  if (path.endsWith('.json'))
    return fitted(spec, nestedTensor(spec, parseJson(bytes, path, limits.inferenceBodyBytes)));
  return withShape(spec, rawTensor(spec, bytes));
}

/** Little-endian elements that lie one after the other, as a flat tensor. Errors: UNSUPPORTED for texts, INVALID_ARGUMENT. */
export function rawTensor(spec: TensorSpec, bytes: Uint8Array): Tensor {
  const elements = bytes.byteLength / bytesOf(spec);
  if (!Number.isInteger(elements))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: ${bytes.byteLength} bytes are no whole number of ${spec.datatype} elements`,
    );
  // A copy: the file's Buffer shares its memory with others and may begin at any byte.
  return { datatype: spec.datatype, shape: [elements], data: new Uint8Array(bytes) };
}

function withShape(spec: TensorSpec, tensor: Tensor): Tensor {
  return { ...tensor, shape: shapeFor(spec, elementCount(tensor.shape)) };
}
