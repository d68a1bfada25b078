import { CoveyError, type Datatype, elementBytes, elementCount, limits, type Tensor } from '@covey/protocol';

/** NumPy's type codes (numpy.lib.format, version 1.0) by datatype; little-endian only. */
const datatypeOfCode: Record<string, Exclude<Datatype, 'BYTES'>> = {
  '|b1': 'BOOL',
  '|u1': 'UINT8',
  '<u2': 'UINT16',
  '<u4': 'UINT32',
  '<u8': 'UINT64',
  '|i1': 'INT8',
  '<i2': 'INT16',
  '<i4': 'INT32',
  '<i8': 'INT64',
  '<f2': 'FP16',
  '<f4': 'FP32',
  '<f8': 'FP64',
};

/** A tensor from an `.npy` file, C order. Errors: INVALID_DOCUMENT naming what is wrong. */
export function parseNpy(bytes: Uint8Array): Tensor {
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== '\x93NUMPY' || bytes.byteLength < 12) throw invalid('does not begin as an .npy file does');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isVersion1 = bytes[6] === 1;
  const headerStart = isVersion1 ? 10 : 12;
  const headerEnd = headerStart + (isVersion1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (headerEnd > bytes.byteLength) throw invalid('ends inside its header');
  const header = new TextDecoder('latin1').decode(bytes.subarray(headerStart, headerEnd));
  const datatype = datatypeOfCode[/'descr': *'([^']+)'/.exec(header)?.[1] ?? ''];
  if (datatype === undefined)
    throw invalid(`has a type that is not supported (${header.trim().slice(0, 100)})`);
  if (!/'fortran_order': *False/.test(header))
    throw invalid('is in Fortran order; save it with numpy.ascontiguousarray');
  const dimensions = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1];
  if (dimensions === undefined) throw invalid('has no shape');
  const shape = dimensions
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  // A copy: the file's Buffer shares its memory with others, and its own slice() is a view.
  const data = new Uint8Array(bytes.subarray(headerEnd));
  if (shape.length > limits.tensorRank || data.byteLength !== elementCount(shape) * elementBytes[datatype]) {
    throw invalid(`holds ${data.byteLength} bytes, which do not fill ${datatype} [${shape}]`);
  }
  return { datatype, shape, data };
}

const invalid = (what: string) => new CoveyError('INVALID_DOCUMENT', `the array ${what}`);
