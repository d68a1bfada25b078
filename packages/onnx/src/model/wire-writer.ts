import { WireType } from '@bufbuild/protobuf/wire';

/** Bytes from here on stay views instead of being copied. */
const segmentBytes = 4096;
const encoder = new TextEncoder();

/** Writes protobuf as segments: small parts are gathered, large ones stay the views they are. */
export class WireWriter {
  readonly #segments: Uint8Array[] = [];
  #buffer = new Uint8Array(256);
  #used = 0;
  #segmentsBytes = 0;

  get sizeBytes(): number {
    return this.#segmentsBytes + this.#used;
  }

  /** Everything written so far, in order. */
  segments(): Uint8Array[] {
    this.#flush();
    return this.#segments;
  }

  varint(value: bigint | number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#buffer[this.#used++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.#used++] = Number(rest);
  }

  tag(number: number, wireType: WireType): void {
    this.varint((number << 3) | wireType);
  }

  raw(bytes: Uint8Array): void {
    if (bytes.byteLength >= segmentBytes) {
      this.#flush();
      this.#segments.push(bytes);
      this.#segmentsBytes += bytes.byteLength;
      return;
    }
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.byteLength;
  }

  bytes(number: number, bytes: Uint8Array): void {
    this.tag(number, WireType.LengthDelimited);
    this.varint(bytes.byteLength);
    this.raw(bytes);
  }

  text(number: number, text: string): void {
    this.bytes(number, encoder.encode(text));
  }

  int(number: number, value: bigint | number): void {
    this.tag(number, WireType.Varint);
    this.varint(value);
  }

  float(number: number, value: number): void {
    this.tag(number, WireType.Bit32);
    this.raw(new Uint8Array(new Float32Array([value]).buffer));
  }

  message(number: number, write: (writer: WireWriter) => void): void {
    const inner = new WireWriter();
    write(inner);
    this.tag(number, WireType.LengthDelimited);
    this.varint(inner.sizeBytes);
    for (const segment of inner.segments()) this.raw(segment);
  }

  #reserve(sizeBytes: number): void {
    if (this.#used + sizeBytes <= this.#buffer.byteLength) return;
    const larger = new Uint8Array(Math.max(this.#buffer.byteLength * 2, this.#used + sizeBytes));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#segments.push(this.#buffer.subarray(0, this.#used));
    this.#segmentsBytes += this.#used;
    this.#buffer = new Uint8Array(256);
    this.#used = 0;
  }
}
