import { CoveyError, elementCount, type Tensor, type TensorSpec } from '@covey/protocol';
import { preprocessAudio, preprocessImage } from '@covey/runtime';
import { readPlainFile } from '../folder/plain-file.ts';
import { fitted } from '../tensors/shapes.ts';
import { onlyInput, readArrays } from './arrays.ts';
import { audioPreprocessing, describeAudio } from './audio-form.ts';
import type { SampleFile } from './files.ts';
import { describeImages, imagePreprocessing } from './image-form.ts';
import type { AudioOptions, ImageOptions } from './options.ts';
import type { Sample } from './sample-set.ts';

/** Samples of files, before labels, constants and what is carried. */
export interface Contents {
  /** The file each sample is from. */
  files: SampleFile[];
  names: string[];
  describe: string;
  read(index: number): Promise<Sample>;
}

export function arrayContents(files: readonly SampleFile[], specs: readonly TensorSpec[]): Contents {
  const all = files.flatMap((file) =>
    naming(file, () => readArrays(file.path, specs)).map((sample, index) => ({ file, index, sample })),
  );
  return {
    files: all.map(({ file }) => file),
    names: all.map(({ file, index }) => `${file.name}[${index}]`),
    describe: `${counted(all.length, 'sample')} ${forInputs(specs)}, ${from(files)}`,
    read: async (index) => all[index]?.sample ?? {},
  };
}

export function imageContents(
  files: readonly SampleFile[],
  specs: readonly TensorSpec[],
  options: ImageOptions,
): Contents {
  const spec = onlyInput(specs);
  const preprocessing = imagePreprocessing(spec, options);
  return {
    files: [...files],
    names: files.map(({ name }) => name),
    describe: `${counted(files.length, 'picture')} ${forInputs(specs)}: ${describeImages(preprocessing)}`,
    read: async (index) => {
      const file = files[index];
      if (!file) return {};
      const tensor = await preprocessImage(
        naming(file, () => readPlainFile(file.path)),
        preprocessing,
      ).catch((cause) => {
        throw named(file, cause);
      });
      return { [spec.name]: fitted(spec, tensor) };
    },
  };
}

export function audioContents(
  files: readonly SampleFile[],
  specs: readonly TensorSpec[],
  options: AudioOptions,
): Contents {
  const spec = onlyInput(specs);
  const preprocessing = audioPreprocessing(spec, options);
  const all = files.flatMap((file) =>
    naming(file, () => preprocessAudio(readPlainFile(file.path), preprocessing)).map((frame, index) => ({
      file,
      index,
      frame,
    })),
  );
  return {
    files: all.map(({ file }) => file),
    names: all.map(({ file, index }) => `${file.name}[${index}]`),
    describe: `${counted(all.length, 'window')} of sound ${forInputs(specs)}: ${describeAudio(preprocessing)}, ${from(files)}`,
    read: async (index) => {
      const frame = all[index]?.frame;
      return frame ? { [spec.name]: fitted(spec, tensorOf(frame)) } : {};
    },
  };
}

function tensorOf(frame: Float32Array): Tensor {
  // A copy: windows of one recording share its memory.
  return { datatype: 'FP32', shape: [frame.length], data: new Uint8Array(new Float32Array(frame).buffer) };
}

/** What an input that is carried is at first: dimensions that vary are 1. */
export function zeros(spec: TensorSpec, bytesPerElement: number): Tensor {
  const shape = spec.shape.map((dimension) => (dimension === -1 ? 1 : dimension));
  return { datatype: spec.datatype, shape, data: new Uint8Array(elementCount(shape) * bytesPerElement) };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function forInputs(specs: readonly TensorSpec[]): string {
  return `for ${specs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.map(dimension)}]`).join(', ')}`;
}

function dimension(size: number): string {
  return size === -1 ? '?' : String(size);
}

function from(files: readonly SampleFile[]): string {
  const [first] = files;
  return `from ${files.length === 1 && first ? first.name : counted(files.length, 'file')}`;
}

function naming<T>(file: SampleFile, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw named(file, cause);
  }
}

/** Says which file it was; what is no error of ours is not touched. */
function named(file: SampleFile, cause: unknown): unknown {
  if (!(cause instanceof CoveyError) || cause.message.includes(file.path)) return cause;
  return new CoveyError(cause.code, `${file.path}: ${cause.message}`, { cause });
}
