import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { LoadedModel } from '@covey/protocol';

/** Of the memory this process may use, what is to stay free. */
const leastFreeShare = 0.1;
/** Of a file that was never loaded here: what ONNX Runtime takes for each of its bytes, and for any session in a thread. */
const fileFactor = 2;
const sessionBytes = 12 * 1024 * 1024;
/** Models whose memory is remembered, the newest. */
const modelsKept = 256;

/** The memory of this process. cgroup limits count as all there is. */
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

export function systemMemory(): ModelMemory {
  const most = process.constrainedMemory();
  const total = most > 0 ? Math.min(most, totalmem()) : totalmem();
  const taken = new Map<string, number>();
  return {
    availableBytes: () => process.availableMemory(),
    isShort: () => process.availableMemory() < total * leastFreeShare,
    estimateBytes: async ({ path, settings }) => {
      const known = taken.get(path);
      if (known !== undefined) return known;
      // What cannot be read fails when it is loaded, with better words.
      const size = await stat(path).then(
        (file) => file.size,
        () => 0,
      );
      return (size * fileFactor + sessionBytes) * (settings?.instances?.min ?? 1);
    },
    measured: async ({ path }, load) => {
      const before = process.memoryUsage.rss();
      const loaded = await load();
      // Other work may have given memory back meanwhile.
      taken.delete(path);
      taken.set(path, Math.max(sessionBytes, process.memoryUsage.rss() - before));
      if (taken.size > modelsKept) taken.delete(taken.keys().next().value ?? path);
      return loaded;
    },
  };
}
