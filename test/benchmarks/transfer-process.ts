import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { decodeSegment, headerBytesOf, openTransfer, type TransferTarget } from '@covey/bundle/transfer';

/** Paths, and how the target is cut; digests of its chunks in order. */
export interface ApplyQuestion {
  base: string;
  transfer: string;
  to: string;
  target: TransferTarget;
  digests: string[];
}

export interface ApplyAnswer {
  ms: number;
  /** Of the processor: what is left of a machine that does other things shows in `ms` alone. */
  cpuMs: number;
  /** Most memory the process had, and how much before it began. */
  peakMb: number;
  idleMb: number;
}

/** Applies a transfer as a device does: a segment at a time, each chunk verified before it is written. */
async function apply({ base, transfer, to, target, digests }: ApplyQuestion): Promise<ApplyAnswer> {
  const idleMb = memoryMb('VmHWM');
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const [from, old, out] = [openSync(transfer, 'r'), openSync(base, 'r'), openSync(to, 'w')];
  const read = (file: number, offset: number, sizeBytes: number) => {
    const bytes = new Uint8Array(sizeBytes);
    readSync(file, bytes, 0, sizeBytes, offset);
    return bytes;
  };
  const header = read(from, 0, headerBytesOf(read(from, 0, 8)));
  const { segments, baseBytes } = openTransfer(header, target, target.sizeBytes);
  for (const segment of segments) {
    const bytes = read(from, segment.offset, segment.sizeBytes);
    const part = await decodeSegment(segment, bytes, baseBytes, (offset, size) => read(old, offset, size));
    let at = 0;
    for (let k = segment.firstChunk; k < segment.firstChunk + segment.chunkCount; k++) {
      const end = at + (target.chunks[k]?.sizeBytes ?? 0);
      const digest = createHash('sha256').update(part.subarray(at, end)).digest('hex');
      if (digest !== digests[k]) throw new Error(`chunk ${k} is not what it should be`);
      at = end;
    }
    writeSync(out, part, 0, part.byteLength, segment.targetOffset);
  }
  for (const file of [from, old, out]) closeSync(file);
  const { user, system } = process.cpuUsage(startedCpu);
  return {
    ms: performance.now() - startedMs,
    cpuMs: (user + system) / 1e3,
    peakMb: memoryMb('VmHWM'),
    idleMb,
  };
}

function memoryMb(field: string): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1_024) / 1e6;
}

process.on('message', async (question: ApplyQuestion) => {
  process.send?.(await apply(question));
});
