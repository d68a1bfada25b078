import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeTransfer } from '@covey/bundle/transfer';
import { temporaryFolder } from '../journeys/harness.ts';
import type { Figure, Result } from './figures.ts';
import { startProgram } from './program.ts';
import { spreadOf } from './statistics.ts';
import type { ApplyAnswer, ApplyQuestion } from './transfer-process.ts';
import { movedWeights, weightBytes } from './weights.ts';

const chunkBytes = 128 * 1024;
/** What applying may take beside an idle process, whatever the size of the file. */
const memoryMb = 100;

/** A model of 105 MB whose weights all moved by small steps: making the transfer, and applying it as a device does. */
export async function benchmarkTransfer(): Promise<Result> {
  const folder = temporaryFolder();
  try {
    const [base, file] = movedWeights();
    const chunks = Array.from({ length: weightBytes / chunkBytes }, () => ({ sizeBytes: chunkBytes }));
    const startedMs = performance.now();
    const transfer = encodeTransfer(file, { sizeBytes: weightBytes, chunks }, base);
    const encodeMs = performance.now() - startedMs;
    const question: ApplyQuestion = {
      ...{ base: join(folder, 'base'), transfer: join(folder, 'transfer'), to: join(folder, 'to') },
      target: { sizeBytes: weightBytes, chunks },
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
  const perSecond = (time: number) => spreadOf([weightBytes / 1e3 / time]);
  return [
    { name: 'make', value: perSecond(encodeMs), unit: 'MB/s' },
    { name: 'apply, verify and write', value: perSecond(ms), unit: 'MB/s' },
    { name: 'apply, verify and write: processor', value: spreadOf([cpuMs]), unit: 'ms' },
    { name: 'apply, verify and write', value: spreadOf([ms]), unit: 'ms' },
    {
      name: 'transfer',
      value: spreadOf([transferBytes]),
      unit: 'bytes',
      baseline: { name: 'the file', ratio: spreadOf([transferBytes / weightBytes]) },
    },
    {
      name: 'peak memory of applying, above the idle process',
      value: spreadOf([peakMb - idleMb]),
      unit: 'MB',
      baseline: { name: `${memoryMb} MB`, ratio: spreadOf([(peakMb - idleMb) / memoryMb]), limit: 1 },
    },
  ];
}
