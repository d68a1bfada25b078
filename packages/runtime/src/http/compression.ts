import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import { type Answer, sizeOf } from './answer.ts';

/** Smaller answers fit a packet or two: nothing is gained. */
const fewestBytes = 4 * 1024;
/** Larger answers would hold twice their memory for long. */
const mostBytes = 16 * 1024 * 1024;
/** What was made no smaller than this share of itself goes out as it was. */
const worthShare = 0.9;
/** Higher levels take several times as long for a few percent of tensors. */
const level = 1;

const encoders = { gzip: promisify(gzip), deflate: promisify(deflate) };
type Encoding = keyof typeof encoders;

/**
 * The encoding to answer in, undefined for none. Browsers and most HTTP clients accept encodings without wanting them:
 * on this machine, where no network is saved, only a client that asks for one alone gets it (as Triton's clients ask).
 */
export function answerEncoding(request: IncomingMessage): Encoding | undefined {
  const header = request.headers['accept-encoding'];
  if (header === undefined) return undefined;
  const accepted = header.split(',').flatMap((part) => {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return name === '' || parameters.some((text) => /^q=0(?:\.0*)?$/.test(text)) ? [] : [name];
  });
  if (accepted.length > 1 && isLocal(request.socket.remoteAddress)) return undefined;
  return accepted.includes('gzip') ? 'gzip' : accepted.includes('deflate') ? 'deflate' : undefined;
}

/** Unix sockets have no address. */
function isLocal(address: string | undefined): boolean {
  return address === undefined || address === '::1' || /^(?:::ffff:)?127\./.test(address);
}

/** The answer compressed, where it pays; off the event loop. Inference-Header-Content-Length speaks of the decoded body. */
export async function compressed(answer: Answer, encoding: Encoding): Promise<Answer> {
  const sizeBytes = sizeOf(answer);
  if (sizeBytes < fewestBytes || sizeBytes > mostBytes) return answer;
  const whole = answer.body.length === 1 && answer.body[0] ? answer.body[0] : Buffer.concat(answer.body);
  const encoded = await encoders[encoding](whole, { level });
  if (encoded.byteLength > sizeBytes * worthShare) return answer;
  const headers = {
    ...answer.headers,
    'content-length': encoded.byteLength,
    'content-encoding': encoding,
    vary: 'accept-encoding',
  };
  return { status: answer.status, headers, body: [encoded] };
}
