import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, normalize, sep } from 'node:path';
import { CoveyError, limits } from '@covey/protocol';
import {
  type Constant,
  countElements,
  elementsSizeBytes,
  elementTypeName,
  everyConstant,
  type Model,
  readModel,
} from '../model/index.ts';

/**
 * The model in an ONNX file, with the weights that lie in other files of its folder. Memory: about the size of the files.
 * Errors: NOT_FOUND (cannot be read), those of readModel, MODEL_INVALID for a weight that points outside the folder, at
 * something that is not a plain file, or past its end.
 */
export function readModelFile(path: string): Model {
  const model = readModel(
    readRanges(path, path, [{ offsetBytes: 0, sizeBytes: undefined }])[0] ?? new Uint8Array(),
  );
  loadExternal(model, dirname(path));
  return model;
}

type ExternalConstant = Constant & { data: Extract<Constant['data'], { kind: 'external' }> };

function isExternal(constant: Constant): constant is ExternalConstant {
  return constant.data.kind === 'external';
}

function loadExternal(model: Model, folder: string): void {
  const byLocation = Map.groupBy([...everyConstant(model)].filter(isExternal), ({ data }) => data.location);
  for (const [location, weights] of byLocation) {
    const [first] = weights;
    if (first === undefined) continue;
    const path = confined(folder, location, first.name);
    const wanted = weights.map((constant) => ({
      constant,
      offsetBytes: constant.data.offsetBytes,
      sizeBytes: externalSizeBytes(constant),
    }));
    const merged = mergeRanges(wanted);
    const loaded = readRanges(path, `the weights of "${first.name}"`, merged);
    for (const { constant, offsetBytes, sizeBytes } of wanted) {
      const index = merged.findLastIndex((range) => range.offsetBytes <= offsetBytes);
      const start = offsetBytes - (merged[index]?.offsetBytes ?? 0);
      const bytes = loaded[index]?.subarray(start, start + sizeBytes);
      if (bytes?.byteLength !== sizeBytes)
        throw new CoveyError(
          'MODEL_INVALID',
          `tensor "${constant.name}" ends past the end of the file "${location}"`,
        );
      Object.assign(constant, { data: { kind: 'raw', bytes } });
    }
  }
}

function externalSizeBytes({ name, elementType, dims, data }: ExternalConstant): number {
  const sizeBytes = elementsSizeBytes(elementType, countElements(dims, name));
  if (sizeBytes === undefined)
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `tensor "${name}" is ${elementTypeName(elementType)} and lies in another file`,
    );
  if (data.sizeBytes !== undefined && data.sizeBytes !== sizeBytes)
    throw new CoveyError(
      'MODEL_INVALID',
      `tensor "${name}" has ${data.sizeBytes} bytes in another file, ${elementTypeName(elementType)}[${dims}] has ${sizeBytes}`,
    );
  return sizeBytes;
}

/**
 * Where a location leads, when that is inside the model's folder: no absolute path, no `..`, and no symbolic link that
 * ends elsewhere, or a model from a stranger would read any file of this machine. Errors: MODEL_INVALID.
 */
function confined(folder: string, location: string, name: string): string {
  const refuse = (what: string, cause?: unknown): never => {
    throw new CoveyError(
      'MODEL_INVALID',
      `tensor "${name}" lies in the file ${JSON.stringify(location)}, ${what}`,
      {
        cause,
      },
    );
  };
  const relative = normalize(location);
  if (location === '' || location.includes('\0') || location.includes('\\') || /^[A-Za-z]:/.test(location))
    return refuse('which is no relative path');
  if (isAbsolute(relative) || relative === '..' || relative.startsWith(`..${sep}`))
    return refuse("which is outside the model's folder");
  const root = realpathSync(folder);
  let path: string;
  try {
    path = realpathSync(`${root}${sep}${relative}`);
  } catch (cause) {
    return refuse('which cannot be read', cause);
  }
  if (!path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`))
    return refuse("which leads outside the model's folder");
  return path;
}

interface Range {
  offsetBytes: number;
  sizeBytes: number;
}

/** Ranges that cover the same bytes, none twice: a file is never read into more memory than it is long. */
function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const { offsetBytes, sizeBytes } of ranges.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
    const last = merged.at(-1);
    const lastEnd = last && last.offsetBytes + last.sizeBytes;
    if (last && lastEnd !== undefined && offsetBytes <= lastEnd)
      last.sizeBytes = Math.max(lastEnd, offsetBytes + sizeBytes) - last.offsetBytes;
    else merged.push({ offsetBytes, sizeBytes });
  }
  return merged;
}

/** Bytes of a file; a range without a size is the whole of it, one past the end is shorter. `what` names it in errors. */
function readRanges(
  path: string,
  what: string,
  ranges: readonly { offsetBytes: number; sizeBytes: number | undefined }[],
): Uint8Array[] {
  // Not blocking: a pipe of this name would be waited for without end.
  const file = opened(path, what);
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new CoveyError('MODEL_INVALID', `${what}: ${path} is not a plain file`);
    return ranges.map(({ offsetBytes, sizeBytes }) => {
      const available = Math.max(0, status.size - offsetBytes);
      if (sizeBytes === undefined && available > limits.fileBytes)
        throw new CoveyError(
          'PAYLOAD_TOO_LARGE',
          `${what} has ${available} bytes, the limit is ${limits.fileBytes}; larger models keep their weights in files beside them`,
        );
      return readRange(file, offsetBytes, Math.min(available, sizeBytes ?? available));
    });
  } finally {
    closeSync(file);
  }
}

function opened(path: string, what: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${what}: ${(cause as Error).message}`, { cause });
  }
}

/** One read takes at most 2 GiB. */
const readBytes = 1024 * 1024 * 1024;

function readRange(file: number, offsetBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let done = 0;
  while (done < sizeBytes) {
    const count = readSync(file, bytes, done, Math.min(readBytes, sizeBytes - done), offsetBytes + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
