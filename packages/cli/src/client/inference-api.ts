import { nodeFetch } from '@covey/ports/network';
import { CoveyError, type ErrorCode, errorCatalogue, limits } from '@covey/protocol';

/** A request to the inference API of a device. */
export interface InferenceApiRequest {
  /** Base URL. */
  device: string;
  method: 'GET' | 'POST';
  path: string;
  /** JSON, and raw tensors after it. */
  body?: Uint8Array;
  /** Of the JSON, where tensors follow. */
  headerBytes?: number;
  timeoutMs: number;
}

/** `/v2/models/NAME`, or with the version. */
export function modelAddress(model: string, version: string | undefined): string {
  const address = `/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? address : `${address}/versions/${encodeURIComponent(version)}`;
}

/** The JSON that a device answers with. Errors: INVALID_ARGUMENT (address), UNREACHABLE, TIMEOUT, and what the device says. */
export async function askDevice({
  device,
  method,
  path,
  body,
  headerBytes,
  timeoutMs,
}: InferenceApiRequest): Promise<unknown> {
  if (!/^https?:/.test(device) || !URL.canParse(device)) {
    const message = `--device "${device}" is no address such as http://127.0.0.1:8000`;
    throw new CoveyError('INVALID_ARGUMENT', message);
  }
  const answer = await nodeFetch({
    method,
    url: new URL(path, device).href,
    ...(body && { body }),
    ...(headerBytes !== undefined && { headers: { 'inference-header-content-length': String(headerBytes) } }),
    timeoutMs,
    maxBytes: limits.inferenceBodyBytes,
  });
  const text = new TextDecoder().decode(answer.body);
  if (answer.status === 200) return JSON.parse(text);
  const code = answer.headers['x-covey-error-code'] ?? '';
  const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'INFERENCE_FAILED';
  let words = text.slice(0, 500);
  try {
    words = (JSON.parse(text) as { error: string }).error;
  } catch {
    // Not ours; its first words are all there is to show.
  }
  throw new CoveyError(known, words);
}
