import { Agent, request } from 'node:http';

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The body, or the JSON part of it, parsed; undefined for one that is empty or encoded. */
  json: unknown;
}

/** An HTTP client with kept connections; `body` may be text, bytes or anything that JSON can say. */
export function client(url: string) {
  const agent = new Agent({ keepAlive: true });
  const send = (
    method: string,
    path: string,
    body: unknown = undefined,
    headers: Record<string, string> = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${url}${path}`, { method, agent, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const content = Buffer.concat(chunks);
          if (incoming.headers['content-encoding'] !== undefined) {
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body: content,
              json: undefined,
            });
            return;
          }
          const jsonLength = incoming.headers['inference-header-content-length'];
          const text = content
            .subarray(0, jsonLength === undefined ? undefined : Number(jsonLength))
            .toString();
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: content,
            json: text === '' ? undefined : JSON.parse(text),
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end(encode(body));
    });
  return {
    get: (path: string) => send('GET', path),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      send('POST', path, body, headers),
    send,
    /** A request in the binary extension: JSON, then the raw tensors. */
    postBinary: (path: string, json: unknown, ...tensors: Uint8Array[]) => {
      const text = Buffer.from(json === undefined ? '' : JSON.stringify(json));
      const length = { 'inference-header-content-length': String(text.byteLength) };
      return send('POST', path, Buffer.concat([text, ...tensors]), length);
    },
    close: () => agent.destroy(),
  };
}

function encode(body: unknown): string | Uint8Array | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array
    ? body
    : JSON.stringify(body);
}
