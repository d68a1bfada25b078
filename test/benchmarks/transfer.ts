import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeTransfer, type TransferFile } from '@covey/bundle/transfer';
import { temporaryFolder } from '../journeys/harness.ts';
import type { Figure, Result } from './figures.ts';
import { startProgram } from './program.ts';
import { spreadOf } from './statistics.ts';
import type { ApplyAnswer, ApplyQuestion } from './transfer-process.ts';

const tensors = 25;
const tensorBytes = 4 * 1024 * 1024;
const sizeBytes = tensors * tensorBytes;
const chunkBytes = 128 * 1024;
/** What applying may take beside an idle process, whatever the size of the file. */
const memoryMb = 100;

/** A model of 105 MB whose weights all moved by small steps: making the transfer, and applying it as a device does. */
export async function benchmarkTransfer(): Promise<Result> {
  const folder = temporaryFolder();
  try {
    const [base, file] = weights();
    const chunks = Array.from({ length: sizeBytes / chunkBytes }, () => ({ sizeBytes: chunkBytes }));
    const startedMs = performance.now();
    const transfer = encodeTransfer(file, { sizeBytes, chunks }, base);
    const encodeMs = performance.now() - startedMs;
    const question: ApplyQuestion = {
      ...{ base: join(folder, 'base'), transfer: join(folder, 'transfer'), to: join(folder, 'to') },
      target: { sizeBytes, chunks },
      digests: chunks.map((_, i) =>
        createHash('sha256')
          .update(file.bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes))
          .digest('hex'),
      ),
    };
    writeFileSync(question.base, base.bytes);
    writeFileSync(question.transfer, transfer);
    const program = startProgram(import.meta.resolve('./transfer-process.ts'));
    const answer = await program.ask<ApplyAnswer>(question).finally(() => program.stop());
    return { benchmark: 'transfer', figures: figuresOf(transfer.byteLength, encodeMs, answer) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf(
  transferBytes: number,
  encodeMs: number,
  { ms, cpuMs, peakMb, idleMb }: ApplyAnswer,
): Figure[] {
  const perSecond = (time: number) => spreadOf([sizeBytes / 1e3 / time]);
  return [
    { name: 'make', value: perSecond(encodeMs), unit: 'MB/s' },
    { name: 'apply, verify and write', value: perSecond(ms), unit: 'MB/s' },
    { name: 'apply, verify and write: processor', value: spreadOf([cpuMs]), unit: 'ms' },
    { name: 'apply, verify and write', value: spreadOf([ms]), unit: 'ms' },
    {
      name: 'transfer',
      value: spreadOf([transferBytes]),
      unit: 'bytes',
      baseline: { name: 'the file', ratio: spreadOf([transferBytes / sizeBytes]) },
    },
    {
      name: 'peak memory of applying, above the idle process',
      value: spreadOf([peakMb - idleMb]),
      unit: 'MB',
      baseline: { name: `${memoryMb} MB`, ratio: spreadOf([(peakMb - idleMb) / memoryMb]), limit: 1 },
    },
  ];
}

/** Weights that look normal, and the same a small step on. */
function weights(): [TransferFile, TransferFile] {
  const [before, after] = [new Float32Array(sizeBytes / 4), new Float32Array(sizeBytes / 4)];
  let state = 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // Of four uniform ones: near enough to normal.
  const normal = () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.73;
  for (let i = 0; i < before.length; i++) {
    before[i] = 0.05 * normal();
    after[i] = (before[i] ?? 0) + 5e-5 * normal();
  }
  const ranges = Array.from({ length: tensors }, (_, i) => ({
    ...{ name: `w${i}`, type: 'float32' as const, shape: [1_024, 1_024] },
    ...{ offset: i * tensorBytes, sizeBytes: tensorBytes },
  }));
  return [
    { bytes: new Uint8Array(before.buffer), tensors: ranges },
    { bytes: new Uint8Array(after.buffer), tensors: ranges },
  ];
}
