import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toCoveyError } from '@covey/protocol';

/** Hands `use` the path of a temporary file with these bytes: models reach ONNX Runtime as they do on a device. Errors: DISK_FULL. */
export async function withModelFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  // Whoever ends the process in between, by Ctrl-C, leaves no model behind: no turn of the loop lies before the listener.
  const folder = mkdtempSync(join(tmpdir(), 'covey-model-'));
  const removeNow = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeNow);
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, bytes).catch((error) => {
      throw toCoveyError(error);
    });
    return await use(path);
  } finally {
    process.removeListener('exit', removeNow);
    await rm(folder, { recursive: true, force: true });
  }
}
