import { createHash } from 'node:crypto';
import type { Tensors } from '../tensors/index.ts';

/** Of names, datatypes, shapes and bytes, whatever the order of the names. */
export function tensorsDigest(tensors: Tensors): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(tensors).sort()) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    const { datatype, shape, data } = tensor;
    hash.update(JSON.stringify([name, datatype, shape, data.byteLength]));
    hash.update(data);
  }
  return hash.digest('base64');
}
