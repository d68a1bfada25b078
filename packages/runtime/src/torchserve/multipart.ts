import { CoveyError, limits } from '@covey/protocol';

export interface FormPart {
  name: string;
  /** A view of the body. */
  content: Uint8Array;
}

const lineEnd = '\r\n';
/** Of one part. */
const headBytes = 8 * 1024;

/** The parts of a multipart/form-data body (RFC 7578). Errors: INVALID_DOCUMENT. */
export function multipartParts(body: Uint8Array, contentType: string): FormPart[] {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  const marker = boundary?.[1] ?? boundary?.[2];
  if (marker === undefined) throw malformed('its boundary is missing');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`${lineEnd}--${marker}`);
  const parts: FormPart[] = [];
  // The first delimiter needs no line before it.
  const opening = delimiter.subarray(lineEnd.length);
  let at = bytes.indexOf(opening);
  if (at < 0) throw malformed('it does not begin with its boundary');
  at += opening.byteLength;
  while (bytes.subarray(at, at + 2).toString('latin1') !== '--') {
    const end = bytes.indexOf(delimiter, at);
    if (end < 0) throw malformed('its last boundary is missing');
    if (parts.length === limits.tensorsPerModel) throw malformed(`it has more than ${parts.length} parts`);
    parts.push(partOf(bytes.subarray(at, end)));
    at = end + delimiter.byteLength;
  }
  return parts;
}

/** From behind the delimiter: the rest of its line, headers, an empty line, the content. */
function partOf(part: Buffer): FormPart {
  const headEnd = part.subarray(0, headBytes).indexOf(`${lineEnd}${lineEnd}`);
  if (headEnd < 0) throw malformed('a part has no headers');
  const head = part.toString('utf8', 0, headEnd);
  const name = /^content-disposition:[^\r\n]*;\s*name="([^"\r\n]*)"/im.exec(head)?.[1];
  if (name === undefined) throw malformed('a part has no name');
  return { name, content: part.subarray(headEnd + 2 * lineEnd.length) };
}

function malformed(why: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `the form cannot be read: ${why}`);
}
