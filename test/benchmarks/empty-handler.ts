import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Program: a node:http handler that reads the whole body and answers as many bytes as it was told to. */

export interface EmptyStart {
  answerBytes: number;
}
export interface EmptyReady {
  url: string;
}

process.once('disconnect', () => process.exit());
process.once('message', ({ answerBytes }: EmptyStart) => {
  const answer = Buffer.alloc(answerBytes);
  const server = createServer((request, response) => {
    request.on('data', () => {});
    request.on('end', () => response.writeHead(200, { 'content-length': answerBytes }).end(answer));
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ url: `http://127.0.0.1:${port}` } satisfies EmptyReady);
  });
});
