import { connect, type Socket } from 'node:net';

/** One kept HTTP/1.1 connection that costs little: requests are bytes made beforehand, one is under way at a time. */
export interface Connection {
  /** Sends the bytes of a request; the answer's body, which must have come with status 200 and its length. */
  exchange(request: Uint8Array): Promise<Buffer>;
  close(): void;
}

interface Waiting {
  resolve: (body: Buffer) => void;
  reject: (error: Error) => void;
}

export function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(connectionOver(socket, url));
    });
  });
}

function connectionOver(socket: Socket, url: string): Connection {
  let waiting: Waiting | undefined;
  let received: Buffer[] = [];
  let missingBytes = 0;
  const fail = (message: string) => waiting?.reject(new Error(`${url}: ${message}`));
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the connection was closed'));
  socket.on('data', (chunk: Buffer) => {
    let content = chunk;
    if (received.length === 0) {
      const head = readHead(chunk);
      if (typeof head === 'string') return fail(head);
      missingBytes = head.bodyBytes;
      content = chunk.subarray(head.sizeBytes);
    }
    received.push(content);
    missingBytes -= content.byteLength;
    if (missingBytes > 0) return;
    const body = Buffer.concat(received);
    received = [];
    waiting?.resolve(body);
  });
  return {
    exchange: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => {
      waiting = undefined;
      socket.destroy();
    },
  };
}

/** Sizes of head and body, or what is wrong. A head comes whole: servers write it at once, and it is small. */
function readHead(chunk: Buffer): { sizeBytes: number; bodyBytes: number } | string {
  const end = chunk.indexOf('\r\n\r\n');
  const head = chunk.toString('latin1', 0, end);
  const length = /^content-length: (\d+)\r?$/im.exec(head)?.[1];
  if (end < 0 || length === undefined) return 'an answer came without its length';
  if (!head.startsWith('HTTP/1.1 200 '))
    return `${head.split('\r\n', 1)[0]} ${chunk.toString('utf8', end + 4)}`;
  return { sizeBytes: end + 4, bodyBytes: Number(length) };
}
