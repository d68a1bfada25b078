import type { TransferFile } from '@covey/bundle/transfer';

const tensors = 25;
const tensorBytes = 4 * 1024 * 1024;

/** Of the weights of a model that is large for a device. */
export const weightBytes = tensors * tensorBytes;

/** Weights that look normal, and the same a small step on. */
export function movedWeights(): [TransferFile, TransferFile] {
  const [before, after] = [new Float32Array(weightBytes / 4), new Float32Array(weightBytes / 4)];
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
