import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CoveyError, type ExponentialHistogram, limits, type Summary } from '@covey/protocol';
import { ExponentialHistogramSchema, SummarySchema } from '@covey/protocol/telemetry-schemas';

/** As stored. Errors: INVALID_DOCUMENT when counts have outgrown the format's 32 bits. */
export function encodeHistogram(histogram: ExponentialHistogram): Uint8Array {
  return encode('latency histogram', () => toBinary(ExponentialHistogramSchema, histogram));
}

export function decodeHistogram(bytes: Uint8Array): ExponentialHistogram {
  return fromBinary(ExponentialHistogramSchema, bytes);
}

/** As stored. Errors: INVALID_DOCUMENT, PAYLOAD_TOO_LARGE. */
export function encodeSummary(summary: Summary): Uint8Array {
  const bytes = encode('summary', () => toBinary(SummarySchema, summary));
  if (bytes.byteLength > limits.telemetryBytes)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `a summary has at most ${limits.telemetryBytes} bytes`);
  return bytes;
}

export function decodeSummary(bytes: Uint8Array): Summary {
  return fromBinary(SummarySchema, bytes);
}

function encode(what: string, toBytes: () => Uint8Array): Uint8Array {
  try {
    return toBytes();
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', `${what}: a number does not fit its field`, { cause });
  }
}
