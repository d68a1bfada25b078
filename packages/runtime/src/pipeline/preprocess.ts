import {
  CoveyError,
  elementBytes,
  elementCount,
  type ImagePreprocessing,
  type Stage,
  type Tensor,
  toCoveyError,
} from '@covey/protocol';
import { type Decoding, preprocessAudio, preprocessImage } from '../preprocess/index.ts';
import { decodeElements } from '../tensors/index.ts';
import { floatTensor, sharedBytes } from './numbers.ts';

/**
 * Files as a model takes them: pictures as one batch, a recording as its windows.
 * Errors: INPUT_INVALID, with what is wrong with which file.
 */
export async function preprocess(
  { form }: Extract<Stage, { kind: 'preprocess' }>,
  { data, shape }: Tensor,
  decoding: Decoding,
): Promise<Tensor> {
  const files = decodeElements(data, elementCount(shape));
  if (form.kind === 'image') return pictures(files, form, decoding);
  const [recording] = files;
  if (recording === undefined || files.length > 1)
    throw new CoveyError('INPUT_INVALID', `takes one recording, got ${files.length}`);
  // A view of shared memory is as good as one of its own.
  const windows = reading(() => preprocessAudio(recording, form), 0);
  if (windows.length === 0)
    throw new CoveyError('INPUT_INVALID', `the recording is shorter than a window of ${form.windowSamples}`);
  const { tensor, elements } = floatTensor([windows.length, form.windowSamples]);
  for (const [i, window] of windows.entries()) elements.set(window, i * form.windowSamples);
  return tensor;
}

async function pictures(files: Uint8Array[], form: ImagePreprocessing, decoding: Decoding): Promise<Tensor> {
  const { datatype, width, height, layout } = form;
  const channels = form.channels === 'grey' ? 1 : 3;
  const sizeBytes = width * height * channels * elementBytes[datatype];
  const data = sharedBytes(files.length * sizeBytes);
  for (const [i, file] of files.entries()) {
    const picture = await preprocessImage(file, form, decoding).catch((cause) => {
      throw named(cause, i);
    });
    data.set(picture.data, i * sizeBytes);
  }
  const shape = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  return { datatype, shape: [files.length, ...shape], data };
}

function reading<T>(read: () => T, index: number): T {
  try {
    return read();
  } catch (cause) {
    throw named(cause, index);
  }
}

/** A file is the caller's: what is wrong with it is an input that is wrong. */
function named(cause: unknown, index: number): CoveyError {
  return new CoveyError('INPUT_INVALID', `element ${index}: ${toCoveyError(cause).message}`, { cause });
}
