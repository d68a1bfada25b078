import type { Tensor } from '@covey/protocol';

const readers: Partial<
  Record<Tensor['datatype'], { sizeBytes: number; read: (view: DataView, at: number) => number }>
> = {
  FP16: { sizeBytes: 2, read: (view, at) => view.getFloat16(at, true) },
  FP32: { sizeBytes: 4, read: (view, at) => view.getFloat32(at, true) },
  FP64: { sizeBytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** The elements of a float tensor; none of a tensor of anything else. */
export function floatsOf({ datatype, data }: Tensor): Float64Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const reader = readers[datatype];
  if (!reader) return new Float64Array();
  const { sizeBytes, read } = reader;
  return Float64Array.from({ length: Math.floor(data.byteLength / sizeBytes) }, (_, i) =>
    read(view, i * sizeBytes),
  );
}

/** How far an output lies from the golden one: root mean squares over the elements that are numbers on both sides. */
export interface Distance {
  error: number;
  size: number;
  largestError: number;
}

export function distanceOf(actual: Tensor, expected: Tensor): Distance {
  const [a, b] = [floatsOf(actual), floatsOf(expected)];
  let [count, squaredError, squaredSize, largestError] = [0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const value = b[i] ?? Number.NaN;
    const error = (a[i] ?? Number.NaN) - value;
    if (!Number.isFinite(error)) continue;
    count++;
    squaredError += error ** 2;
    squaredSize += value ** 2;
    largestError = Math.max(largestError, Math.abs(error));
  }
  const elements = Math.max(1, count);
  return {
    error: Math.sqrt(squaredError / elements),
    size: Math.sqrt(squaredSize / elements),
    largestError,
  };
}

/** The largest Euclidean norm of a row of the last axis. */
export function largestRowNorm(tensor: Tensor): number {
  const values = floatsOf(tensor);
  const length = Math.max(1, tensor.shape.at(-1) ?? 1);
  let largest = 0;
  for (let start = 0; start < values.length; start += length) {
    const row = values.subarray(start, start + length).filter(Number.isFinite);
    largest = Math.max(largest, Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0)));
  }
  return largest;
}
