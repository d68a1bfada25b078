import { closeSync, constants, ftruncateSync, openSync, renameSync, rmSync, writevSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CoveyError, limits } from '@covey/protocol';
import { cloneModel, everyConstant, type Model, modelSegments } from '../model/index.ts';

/** Weights of at least `leastBytes` go to one file beside the model's; it is called `fileName`. */
export interface ExternalData {
  fileName: string;
  leastBytes: number;
}

/** So that a runtime may map a weight into memory instead of reading it. */
const alignmentBytes = 4096;

/**
 * Writes an ONNX file, and one for its weights where asked. Each appears whole or not at all, whenever the process is
 * killed; the weights' first, so that a model never names weights that are not there. Not synced to the disk: whoever must
 * survive a power cut does that, at the disk's pace.
 * Errors: PAYLOAD_TOO_LARGE (one file over 2 GiB: give `external`), INVALID_ARGUMENT (`fileName` is a path); those of the disk.
 */
export function writeModelFile(path: string, model: Model, external?: ExternalData): void {
  if (external !== undefined && basename(external.fileName) !== external.fileName)
    throw new CoveyError('INVALID_ARGUMENT', `"${external.fileName}" is a path, a file name is wanted`);
  const written = external ? withExternal(path, model, external) : model;
  const segments = modelSegments(written);
  const sizeBytes = segments.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (sizeBytes > limits.fileBytes)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `the ONNX file would have ${sizeBytes} bytes, the limit is ${limits.fileBytes}; put its weights into a file beside it`,
    );
  writeSegments(path, segments);
}

/** A copy of the model whose large weights lie in the file that is written here. */
function withExternal(path: string, model: Model, { fileName, leastBytes }: ExternalData): Model {
  const copy = cloneModel(model);
  const segments: Uint8Array[] = [];
  let offsetBytes = 0;
  for (const constant of everyConstant(copy)) {
    const { data } = constant;
    if (data.kind !== 'raw' || data.bytes.byteLength < leastBytes) continue;
    const padding = (alignmentBytes - (offsetBytes % alignmentBytes)) % alignmentBytes;
    segments.push(new Uint8Array(padding), data.bytes);
    offsetBytes += padding;
    constant.data = {
      kind: 'external',
      location: fileName,
      offsetBytes,
      sizeBytes: data.bytes.byteLength,
      entries: new Map(),
    };
    offsetBytes += data.bytes.byteLength;
  }
  writeSegments(join(dirname(path), fileName), segments);
  return copy;
}

function writeSegments(path: string, segments: readonly Uint8Array[]): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o644);
  try {
    try {
      // A file system that knows the end takes the same bytes a quarter faster.
      ftruncateSync(
        file,
        segments.reduce((sum, { byteLength }) => sum + byteLength, 0),
      );
      for (const batch of batches(segments)) writeAll(file, batch);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** What one writev takes. */
const mostSegments = 1024;
/** One call with all of a large file is slower than many: the system begins to write to the disk only behind it. */
const batchBytes = 8 * 1024 * 1024;

function* batches(segments: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let roomBytes = batchBytes;
  for (const segment of segments)
    for (let start = 0; start < segment.byteLength; ) {
      const part = segment.subarray(start, start + roomBytes);
      batch.push(part);
      start += part.byteLength;
      roomBytes -= part.byteLength;
      if (roomBytes > 0 && batch.length < mostSegments) continue;
      yield batch;
      [batch, roomBytes] = [[], batchBytes];
    }
  if (batch.length > 0) yield batch;
}

function writeAll(file: number, batch: readonly Uint8Array[]): void {
  let rest = [...batch];
  while (rest.length > 0) {
    let written = writevSync(file, rest);
    while (rest[0] && written >= rest[0].byteLength) {
      written -= rest[0].byteLength;
      rest = rest.slice(1);
    }
    if (rest[0] && written > 0) rest = [rest[0].subarray(written), ...rest.slice(1)];
  }
}
