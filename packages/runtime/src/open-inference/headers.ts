import { parseJson } from '../http/index.ts';
import { type RequestDocument, requestDocument } from './document.ts';

/** Headers kept, and bytes of the largest. */
const kept = 64;
const keptBytes = 1_024;

/**
 * The JSON before raw tensors. A client says the same every time, and what was said lately is not read again: that took 20 us of
 * an inference. Documents are not to be changed.
 */
export class Headers {
  readonly #documents = new Map<string, RequestDocument>();

  /** Errors: those of parseJson. */
  read(json: Buffer, exactIntegers: boolean): RequestDocument {
    if (json.byteLength > keptBytes) return readDocument(json, exactIntegers);
    const key = `${exactIntegers}${json.toString('latin1')}`;
    const known = this.#documents.get(key);
    if (known) return known;
    const document = readDocument(json, exactIntegers);
    if (this.#documents.size >= kept) this.#documents.clear();
    this.#documents.set(key, document);
    return document;
  }
}

/** Errors: those of parseJson. */
export function readDocument(json: Buffer, exactIntegers: boolean): RequestDocument {
  return requestDocument(parseJson(json, 'inference request', exactIntegers));
}
