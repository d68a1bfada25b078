import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CoveyError, limits, type Summary } from '@covey/protocol';
import { SummarySchema } from '@covey/protocol/telemetry-schemas';

/**
 * The reference summary of a version as protobuf. Its bound is that of a telemetry message, which summaries travel in.
 * Errors: PAYLOAD_TOO_LARGE; INVALID_DOCUMENT for counts beyond the wire's uint32.
 */
export function encodeReference(summary: Summary): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = toBinary(SummarySchema, summary);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'reference summary: a number does not fit its field', { cause });
  }
  checkSize(bytes);
  return bytes;
}

/** Errors: PAYLOAD_TOO_LARGE, WIRE_MALFORMED. What the numbers say is checked by who compares with them. */
export function parseReference(bytes: Uint8Array): Summary {
  checkSize(bytes);
  try {
    return fromBinary(SummarySchema, bytes);
  } catch (cause) {
    throw new CoveyError('WIRE_MALFORMED', 'reference summary is not a summary message', { cause });
  }
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.byteLength > limits.telemetryBytes) {
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `reference summary has ${bytes.byteLength} bytes, the limit is ${limits.telemetryBytes}`,
    );
  }
}
