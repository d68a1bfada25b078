import { existsSync, rmSync } from 'node:fs';
import { buildBundle } from '@covey/bundle';
import { encodeTransfer } from '@covey/bundle/transfer';
import { modelSchema, readModel, tensorRanges } from '@covey/onnx';
import { createExecution } from '@covey/runtime';
import { temporaryFolder } from '../journeys/harness.ts';
import type { Figure, Result } from './figures.ts';
import { modelPath } from './models.ts';
import { spreadOf } from './statistics.ts';
import { type Update, updates } from './wire-bytes-cases.ts';
import { sizesByTool } from './wire-bytes-tools.ts';

/** What the best of the others may take less, as a share or in bytes. */
const leeway = { share: 0.01, bytes: 512 };

/** Bytes that bring a model to a device that has the one before: ours, header and index counted, against others' best. */
export async function benchmarkWireBytes(): Promise<Result> {
  if (!existsSync(modelPath('mnist')))
    return { benchmark: 'wire-bytes', skipped: 'there are no models beside the checkout' };
  const folder = temporaryFolder();
  const execution = createExecution();
  try {
    const all = await updates(execution);
    return { benchmark: 'wire-bytes', figures: all.map((update) => figureOf(folder, update)) };
  } finally {
    execution.close();
    rmSync(folder, { recursive: true });
  }
}

function figureOf(folder: string, { name, base, target, floor }: Update): Figure {
  const { manifestBytes, file } = described(target);
  const transfer = encodeTransfer(withTensors(target), file, withTensors(base));
  const sizes = sizesByTool(folder, base, target);
  const [[bestName, best] = ['', Number.NaN]] = Object.entries(sizes).sort(([, a], [, b]) => a - b);
  const limit = Math.max(1 + leeway.share, 1 + leeway.bytes / best);
  return {
    name,
    value: spreadOf([transfer.byteLength]),
    unit: 'bytes',
    baseline: { name: bestName, ratio: spreadOf([transfer.byteLength / best]), limit },
    ...(floor.value > 0 && { floor }),
    besides: { ...sizes, manifest: manifestBytes.byteLength },
  };
}

function withTensors(bytes: Uint8Array) {
  return { bytes, tensors: tensorRanges(bytes) };
}

/** The file as a bundle cuts it, and what its manifest takes. */
function described(bytes: Uint8Array) {
  const { manifest, manifestBytes } = buildBundle({
    model: 'model',
    version: '1.0.0',
    createdAt: '2026-01-01T00:00:00.000Z',
    securityCounter: 0,
    schema: modelSchema(readModel(bytes)),
    variants: [
      {
        name: 'fp32',
        ...withTensors(bytes),
        tolerances: [{ kind: 'elements', absolute: 0, relative: 0 }],
      },
    ],
  });
  const [file] = manifest.files;
  if (!file) throw new Error('a bundle has files');
  return { manifestBytes, file };
}
