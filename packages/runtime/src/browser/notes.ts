import { DigestSchema, ModelSchemaSchema, ProbeResultSchema, parseDocument } from '@covey/protocol';
import * as v from 'valibot';

const folderName = 'covey-notes';

const NotesSchema = v.object({
  /** Of the first variant. */
  schema: ModelSchemaSchema,
  /** Absent where nothing was measured. */
  measured: v.optional(v.object({ hardware: DigestSchema, results: v.array(ProbeResultSchema) })),
});
/** What was found out about the files of a version, which are the same wherever the digest of all of them is. */
export type Notes = v.InferOutput<typeof NotesSchema>;

/** Undefined where nothing is kept, or nothing that can be read. */
export async function readNotes(bundle: string): Promise<Notes | undefined> {
  try {
    const handle = await (await notesFolder()).getFileHandle(bundle);
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    return parseDocument(NotesSchema, bytes, 'notes');
  } catch {
    // Whatever it was: it is found out again.
    return undefined;
  }
}

/** Errors: those of the browser, for want of room or of a place. */
export async function writeNotes(bundle: string, notes: Notes): Promise<void> {
  const handle = await (await notesFolder()).getFileHandle(bundle, { create: true });
  const writable = await handle.createWritable();
  await writable.write(JSON.stringify(notes));
  await writable.close();
}

async function notesFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(folderName, { create: true });
}
