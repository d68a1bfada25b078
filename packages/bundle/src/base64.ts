/**
 * Bytes of standard, padded base64 (RFC 4648 section 4); undefined for any other spelling, so that one content has one
 * text: Buffer alone skips foreign characters and ignores stray bits.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
