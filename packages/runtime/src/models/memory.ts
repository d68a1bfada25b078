import type { LoadedModel } from '@covey/protocol';
import type { Platform } from '../platform/index.ts';

/** Of a file that was never loaded here: what ONNX Runtime takes for each of its bytes, and for any session in a thread. */
const fileFactor = 2;
const sessionBytes = 12 * 1024 * 1024;
/** Models whose memory is remembered, the newest. */
const modelsKept = 256;

/** What models take of the memory that there is. */
export interface ModelMemory {
  /** Bytes that may still be taken. */
  availableBytes(): number;
  /** So little is left that models shall do with fewer sessions. */
  isShort(): boolean;
  /** What the model will take with its first sessions: as measured when it was loaded before, else by its size. */
  estimateBytes(model: LoadedModel): Promise<number>;
  /** Notes what `load` takes of a model. */
  measured<T>(model: LoadedModel, load: () => Promise<T>): Promise<T>;
}

/** Where there is no process to look into, estimates stay estimates. */
export function createModelMemory({
  memory,
  files,
  process,
}: Pick<Platform, 'memory' | 'files' | 'process'>): ModelMemory {
  const taken = new Map<string, number>();
  return {
    availableBytes: memory.availableBytes,
    isShort: memory.isShort,
    estimateBytes: async ({ path, settings }) => {
      const known = taken.get(path);
      if (known !== undefined) return known;
      // What cannot be read fails when it is loaded, with better words.
      const sizeBytes = await files.sizeBytes(path).catch(() => 0);
      return (sizeBytes * fileFactor + sessionBytes) * (settings?.instances?.min ?? 1);
    },
    measured: async ({ path }, load) => {
      if (!process) return load();
      const before = process.residentBytes();
      const loaded = await load();
      // Other work may have given memory back meanwhile.
      taken.delete(path);
      taken.set(path, Math.max(sessionBytes, process.residentBytes() - before));
      if (taken.size > modelsKept) taken.delete(taken.keys().next().value ?? path);
      return loaded;
    },
  };
}
