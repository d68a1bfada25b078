import { Duplex } from 'node:stream';
import { CoveyError } from '@covey/protocol';

/** How long bytes already written, such as a refusal, may take to leave before the socket is closed hard. */
const lingerMs = 2_000;
/** MQTT 3.1.1, 2.2.3: the remaining length has at most four bytes. */
const lengthBytesMax = 4;

/**
 * Follows the fixed headers (MQTT 3.1.1, 2.2) of a stream of packets, whatever the chunks. Returns a function that takes the
 * next chunk and throws PAYLOAD_TOO_LARGE as soon as a header announces a packet above `maxPacketBytes`, and WIRE_MALFORMED
 * for a length that is none. It keeps no byte.
 */
export function createPacketScanner(maxPacketBytes: number): (chunk: Uint8Array) => void {
  let bodyBytes = 0;
  let lengthBytes = 0;
  let length = 0;
  let inLength = false;
  const endHeader = () => {
    inLength = false;
    if (1 + lengthBytes + length > maxPacketBytes)
      throw new CoveyError(
        'PAYLOAD_TOO_LARGE',
        `a packet of ${length} bytes; the limit is ${maxPacketBytes}`,
      );
    bodyBytes = length;
  };
  return (chunk) => {
    for (let offset = 0; offset < chunk.length; ) {
      if (bodyBytes > 0) {
        const skipped = Math.min(bodyBytes, chunk.length - offset);
        bodyBytes -= skipped;
        offset += skipped;
        continue;
      }
      const byte = chunk[offset++] ?? 0;
      if (!inLength) {
        inLength = true;
        length = 0;
        lengthBytes = 0;
        continue;
      }
      length += (byte & 0x7f) * 128 ** lengthBytes;
      lengthBytes++;
      if ((byte & 0x80) === 0) endHeader();
      else if (lengthBytes === lengthBytesMax)
        throw new CoveyError('WIRE_MALFORMED', 'a packet length of more than four bytes');
    }
  };
}

/** The connection as the broker sees it. */
export interface GuardedStream extends Duplex {
  /** While held nothing more is read from the socket; what was read already still goes to the broker. */
  hold(isHeld: boolean): void;
}

/**
 * The broker's parser gathers a packet whole before it says a word, so what is too large is stopped here, on its header. And
 * the broker reads on while messages are being handled, so `hold` stops the reading here.
 */
export function guardPackets(socket: Duplex, maxPacketBytes: number): GuardedStream {
  const scan = createPacketScanner(maxPacketBytes);
  let held = false;
  let wanted = false;
  const flow = () => {
    if (wanted && !held) socket.resume();
    else socket.pause();
  };
  const stream = new Duplex({
    read: () => {
      wanted = true;
      flow();
    },
    write: (chunk: Uint8Array, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      if (error) socket.destroy();
      else {
        // A paused socket would not see the other side's end.
        socket.resume();
        const linger = setTimeout(() => socket.destroy(), lingerMs);
        socket.once('close', () => clearTimeout(linger)).end(() => socket.destroy());
      }
      done(error);
    },
  });
  socket.on('data', (chunk: Uint8Array) => {
    if (stream.destroyed) return;
    try {
      scan(chunk);
      wanted = stream.push(chunk);
      flow();
    } catch (error) {
      stream.destroy(error instanceof Error ? error : undefined);
    }
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  const hold = (isHeld: boolean) => {
    held = isHeld;
    if (!stream.destroyed) flow();
  };
  return Object.assign(stream, { hold });
}
