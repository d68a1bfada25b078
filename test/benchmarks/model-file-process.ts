import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readModelFile, writeModelFile } from '@covey/onnx/files';

/** What one process did to a file: so that its memory is its own. */
export interface FileQuestion {
  how: 'read and write model' | 'read and write bytes';
  from: string;
  to: string;
}
export interface FileAnswer {
  readMs: number;
  writeMs: number;
  peakMb: number;
}

/** Program: reads a file, and writes it again, as a model or as the bytes it is; says how long it took and its peak memory. */
process.on('message', ({ how, from, to }: FileQuestion) => {
  const startedMs = performance.now();
  const content = how === 'read and write model' ? readModelFile(from) : readFileSync(from);
  const readMs = performance.now() - startedMs;
  if (content instanceof Uint8Array) writeWhole(to, content);
  else writeModelFile(to, content);
  const writeMs = performance.now() - startedMs - readMs;
  // Not that of getrusage, which counts what the parent had taken when it forked.
  const [, peakKib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  const peakMb = (Number(peakKib) * 1_024) / 1e6;
  process.send?.({ readMs, writeMs, peakMb } satisfies FileAnswer);
});
process.once('disconnect', () => process.exit());

/** As a model is written: in the place of what was there, whole or not at all. */
function writeWhole(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.tmp`, bytes);
  renameSync(`${path}.tmp`, path);
}
