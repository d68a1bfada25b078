import { encodeTransfer, type TransferFile, type TransferTarget } from '@covey/bundle/transfer';
import { tensorRanges } from '@covey/onnx';

/** What a transfer is made of: the bytes of a file, how it is cut, and the bytes of the base, where there is one. */
export interface TransferJob {
  file: Uint8Array;
  target: TransferTarget;
  base: Uint8Array | null;
}

/** Takes the thread for about a second per 3 MB, per 0.5 MB of text. */
export function makeTransfer({ file, target, base }: TransferJob): Uint8Array {
  return encodeTransfer(described(file), target, base ? described(base) : undefined);
}

/** With its tensors, where it is a model. */
function described(bytes: Uint8Array): TransferFile {
  try {
    return { bytes, tensors: tensorRanges(bytes) };
  } catch {
    // Golden vectors and summaries are no models: they travel as bytes.
    return { bytes, tensors: [] };
  }
}
