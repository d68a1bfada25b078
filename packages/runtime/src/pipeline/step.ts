import { CoveyError, elementBytes, elementCount, type Stage, type Tensor } from '@covey/protocol';
import { argmax, select, topK } from './choose.ts';
import { normalize, sigmoid, softmax } from './elementwise.ts';
import { sharedBytes } from './numbers.ts';
import { suppress } from './suppression.ts';

/** A stage that is no model. */
export type Step = Exclude<Stage, { kind: 'model' }>;
/** A step on numbers. */
export type NumberStep = Exclude<Step, { kind: 'preprocess' }>;

/**
 * Runs one step: what it reads in the order of `readBy`, what it gives in that of `givenBy`, without labels.
 * Errors: INPUT_INVALID for more than a step may give, INFERENCE_FAILED for tensors that a step cannot take.
 */
export function runStep(step: NumberStep, [first, second]: readonly (Tensor | undefined)[]): Tensor[] {
  if (step.kind === 'constant') return [constant(step, first)];
  if (first === undefined) throw new CoveyError('INTERNAL', 'a step was given nothing');
  switch (step.kind) {
    case 'normalize':
      return [normalize(step, first)];
    case 'softmax':
      return [softmax(first)];
    case 'sigmoid':
      return [sigmoid(first)];
    case 'select':
      return [select(step, first)];
    case 'argmax':
      return [argmax(first)];
    case 'top-k':
      return topK(step, first);
    case 'non-maximum-suppression':
      if (second === undefined) throw new CoveyError('INTERNAL', 'a step was given no scores');
      return suppress(step, first, second);
  }
}

/** Elements or pairs of boxes up to which a step is done where it is asked for: about 2 ms; what is more goes to a thread. */
const mostInline = 256 * 1024;

/** Whether a step takes so little that handing it to a thread would cost more than it saves. */
export function isShort(step: Step, [first]: readonly (Tensor | undefined)[]): step is NumberStep {
  if (step.kind === 'preprocess') return false;
  const elements = elementCount(first?.shape ?? []);
  const boxes = step.kind === 'non-maximum-suppression' ? step.most / 4 : 1;
  return elements * boxes <= mostInline;
}

function constant(step: Extract<Step, { kind: 'constant' }>, rows: Tensor | undefined): Tensor {
  const { datatype, value } = step;
  const shape = step.shape.map((size) => (size === -1 ? (rows?.shape[0] ?? 0) : size));
  const data = sharedBytes(elementCount(shape) * elementBytes[datatype]);
  fill(new DataView(data.buffer), datatype, value);
  return { datatype, shape, data };
}

function fill(view: DataView, datatype: Exclude<Tensor['datatype'], 'BYTES'>, value: number): void {
  const sizeBytes = elementBytes[datatype];
  for (let at = 0; at < view.byteLength; at += sizeBytes) writers[datatype](view, at, value);
}

type Writer = (view: DataView, at: number, value: number) => void;
const writers: Record<Exclude<Tensor['datatype'], 'BYTES'>, Writer> = {
  BOOL: (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
  UINT8: (view, at, value) => view.setUint8(at, value),
  UINT16: (view, at, value) => view.setUint16(at, value, true),
  UINT32: (view, at, value) => view.setUint32(at, value, true),
  UINT64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  INT8: (view, at, value) => view.setInt8(at, value),
  INT16: (view, at, value) => view.setInt16(at, value, true),
  INT32: (view, at, value) => view.setInt32(at, value, true),
  INT64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  FP16: (view, at, value) => view.setFloat16(at, value, true),
  FP32: (view, at, value) => view.setFloat32(at, value, true),
  FP64: (view, at, value) => view.setFloat64(at, value, true),
};
