import { CoveyError, limits, type Tensor } from '@covey/protocol';
import { parseNpy } from './npy.ts';
import { readZip } from './zip.ts';

/** The arrays of an `.npz` file by name. Errors: those of `readZip` and `parseNpy`, naming the array. */
export function parseNpz(bytes: Uint8Array): Record<string, Tensor> {
  const arrays = [...readZip(bytes, limits.fileBytes)].map(([file, content]): [string, Tensor] => {
    try {
      return [file.replace(/\.npy$/, ''), parseNpy(content)];
    } catch (cause) {
      if (!(cause instanceof CoveyError)) throw cause;
      throw new CoveyError(cause.code, `${file}: ${cause.message}`, { cause });
    }
  });
  return Object.fromEntries(arrays);
}
