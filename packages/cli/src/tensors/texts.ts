import { CoveyError, limits, parseJson, type Tensor, type TensorSpec } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';

/**
 * A BYTES tensor: `@file.json` holds texts, in an array or alone; any other `@file` is one element with its bytes, such as a
 * picture; else texts with commas between them. Errors: INVALID_ARGUMENT, NOT_FOUND, WIRE_MALFORMED.
 */
export function bytesTensor(spec: TensorSpec, text: string): Tensor {
  const elements = text.startsWith('@') ? elementsOf(spec, text.slice(1)) : text.split(',').map(encoded);
  // Each element after its length (Open Inference Protocol, "Tensor Data").
  const parts = elements.flatMap((element) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(element.byteLength);
    return [length, element];
  });
  return { datatype: 'BYTES', shape: [elements.length], data: new Uint8Array(Buffer.concat(parts)) };
}

function elementsOf({ name }: TensorSpec, path: string): Uint8Array[] {
  const bytes = readPlainFile(path);
  if (!path.endsWith('.json')) return [bytes];
  const texts = [parseJson(bytes, path, limits.inferenceBodyBytes)].flat(limits.tensorRank);
  return texts.map((text) => {
    if (typeof text === 'string') return encoded(text);
    throw new CoveyError('INVALID_ARGUMENT', `input ${name}: ${path} holds other things than texts`);
  });
}

function encoded(text: string): Uint8Array {
  return Buffer.from(text);
}
