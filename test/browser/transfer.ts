import { decodeSegment, openTransfer } from '@covey/bundle/transfer';

/** What the test hands over: bytes in base64, sizes of the target's chunks. */
export interface TransferOfTest {
  transfer: string;
  base: string;
  chunks: number[];
}

const bytesOf = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The file that a transfer decodes to, in base64. */
async function decode({ transfer: encoded, base: before, chunks }: TransferOfTest): Promise<string> {
  const [transfer, base] = [bytesOf(encoded), bytesOf(before)];
  const target = {
    sizeBytes: chunks.reduce((sum, size) => sum + size, 0),
    chunks: chunks.map((sizeBytes) => ({ sizeBytes })),
  };
  const { segments, baseBytes } = openTransfer(transfer, target, base.byteLength);
  let text = '';
  for (const segment of segments) {
    const bytes = transfer.subarray(segment.offset, segment.offset + segment.sizeBytes);
    const readBase = (offset: number, size: number) => base.subarray(offset, offset + size);
    for (const byte of await decodeSegment(segment, bytes, baseBytes, readBase))
      text += String.fromCharCode(byte);
  }
  return btoa(text);
}

Object.assign(globalThis, { covey: { decode } });
