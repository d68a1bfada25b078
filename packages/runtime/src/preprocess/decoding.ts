/** What decoding pictures takes that each platform has in its own way. */
export interface Decoding {
  /** The code of MozJPEG's decoder, `codec/dec/mozjpeg_dec.wasm` of `@jsquash/jpeg`. */
  jpegDecoder(): Promise<Uint8Array>;
  /** What a zlib stream holds. Errors: RangeError when that is more than `mostBytes`, and others for what is no such stream. */
  inflate(compressed: readonly Uint8Array[], mostBytes: number): Promise<Uint8Array>;
}
