import { CoveyError } from '@covey/protocol';
import type { Fetch, FetchRequest } from '../ports.ts';

/** The global fetch, of a page: certificates are the browser's business. */
export const webFetch: Fetch = async (request) => {
  const { method, url, headers = {}, body, tls, timeoutMs } = request;
  if (tls) throw new CoveyError('UNSUPPORTED', 'a page chooses no certificates');
  try {
    const answer = await fetch(url, {
      method,
      headers,
      ...(body && { body: new Uint8Array(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: await readBody(answer, request),
    };
  } catch (error) {
    throw asCoveyError(request, error);
  }
};

async function readBody(answer: Response, { url, maxBytes }: FetchRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes)
      throw new CoveyError('PAYLOAD_TOO_LARGE', `${url} answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const body = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

function asCoveyError({ url, timeoutMs }: FetchRequest, error: unknown): CoveyError {
  if (error instanceof CoveyError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'TimeoutError')
    return new CoveyError('TIMEOUT', `${url} did not answer within ${timeoutMs} ms`, { cause: error });
  return new CoveyError('UNREACHABLE', `cannot reach ${url}: ${message}`, { cause: error });
}
