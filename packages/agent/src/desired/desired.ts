import { createHash } from 'node:crypto';
import { CoveyError, canonicalJson, type Desired, DesiredSchema, parseDocument } from '@covey/protocol';

/**
 * A desired state from the wire. Errors: WIRE_MALFORMED, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT (fields wrong, a model named twice,
 * a release id that is not the digest of its models).
 */
export function readDesired(payload: Uint8Array): Desired {
  const desired = parseDocument(DesiredSchema, payload, 'desired state');
  const { id, models } = desired.release;
  if (createHash('sha256').update(canonicalJson(models)).digest('hex') !== id) {
    throw new CoveyError('INVALID_DOCUMENT', 'desired state: release.id is not the digest of its models');
  }
  if (new Set(models.map((ref) => ref.model)).size !== models.length) {
    throw new CoveyError('INVALID_DOCUMENT', 'desired state: release.models names a model twice');
  }
  return desired;
}
