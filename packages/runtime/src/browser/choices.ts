import { DigestSchema, type Measured, ProbeResultSchema, parseDocument } from '@covey/protocol';
import * as v from 'valibot';

const folderName = 'covey-choices';

const MeasuredSchema = v.object({ hardware: DigestSchema, results: v.array(ProbeResultSchema) });

/** What was measured of a version here before; undefined where nothing is kept, or nothing that can be read. */
export async function rememberedChoice(bundle: string): Promise<Measured | undefined> {
  try {
    const handle = await (await choicesFolder()).getFileHandle(bundle);
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    return parseDocument(MeasuredSchema, bytes, 'remembered choice') as Measured;
  } catch {
    // Whatever it was: it is measured again.
    return undefined;
  }
}

/** Errors: those of the browser, for want of room or of a place. */
export async function rememberChoice(bundle: string, measured: Measured): Promise<void> {
  const handle = await (await choicesFolder()).getFileHandle(bundle, { create: true });
  const writable = await handle.createWritable();
  await writable.write(JSON.stringify(measured));
  await writable.close();
}

async function choicesFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(folderName, { create: true });
}
