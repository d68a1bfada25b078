export { decodeSegment, type ReadBase } from './decode.ts';
export { encodeTransfer, type TensorRange, type TensorType, type TransferFile } from './encode.ts';
export {
  codecVersion,
  headerBytesOf,
  headerGuessBytes,
  openTransfer,
  segmentsFrom,
  type Transfer,
  type TransferSegment,
  type TransferTarget,
} from './format.ts';
