import type { Fetch } from '@covey/ports';
import {
  type Cascade,
  CoveyError,
  checkDocument,
  datatypes,
  elementBytes,
  elementCount,
  limits,
  type ModelSchema,
  type TensorSpec,
} from '@covey/protocol';
import * as v from 'valibot';
import { decodeElements, type Tensors } from '../tensors/index.ts';

/** What a bigger model elsewhere answered. */
export interface CloudAnswer {
  version: string | undefined;
  outputs: Tensors;
  /** Of the answer's body. */
  sizeBytes: number;
}

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const AnswerSchema = v.object({
  model_version: v.optional(v.pipe(v.string(), v.maxLength(64))),
  outputs: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.maxLength(256)),
        datatype: v.picklist(datatypes),
        shape: v.pipe(v.array(size), v.maxLength(limits.tensorRank)),
        parameters: v.object({ binary_data_size: size }),
      }),
    ),
    v.maxLength(limits.tensorsPerModel),
  ),
});

/** A request in the binary extension: JSON, then the tensors in its order. */
export interface CloudRequest {
  sizeBytes: number;
  jsonBytes: number;
  /** Joined when it is sent: a request that may not go costs nothing. */
  body(): Uint8Array;
}

/** How it is asked. */
export interface CloudCall {
  token: string | undefined;
  timeoutMs: number;
  maxBytes: number;
  /** W3C Trace Context. */
  headers: Readonly<Record<string, string>>;
}

export function cloudRequest(inputs: Tensors): CloudRequest {
  const tensors = Object.entries(inputs);
  const described = tensors.map(([name, { datatype, shape, data }]) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: data.byteLength },
  }));
  const document = { inputs: described, parameters: { binary_data_output: true } };
  const json = new TextEncoder().encode(JSON.stringify(document));
  const sizeBytes = tensors.reduce((sum, [, { data }]) => sum + data.byteLength, json.byteLength);
  const body = () => {
    const joined = new Uint8Array(sizeBytes);
    joined.set(json);
    let offset = json.byteLength;
    for (const [, { data }] of tensors) {
      joined.set(data, offset);
      offset += data.byteLength;
    }
    return joined;
  };
  return { sizeBytes, jsonBytes: json.byteLength, body };
}

/**
 * Asks an Open Inference Protocol v2 server, and believes only outputs that clients of `schema` expect.
 * Errors: UNREACHABLE, TIMEOUT, PAYLOAD_TOO_LARGE, INVALID_DOCUMENT, INFERENCE_FAILED (it answered with an error).
 */
export async function askCloud(
  fetch: Fetch,
  { url, model, version }: Cascade,
  { body, jsonBytes }: CloudRequest,
  { token, timeoutMs, maxBytes, headers }: CloudCall,
  schema: ModelSchema,
): Promise<CloudAnswer> {
  const at = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  const answer = await fetch({
    method: 'POST',
    url: `${url.replace(/\/$/, '')}/v2/models/${encodeURIComponent(model)}${at}/infer`,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(jsonBytes),
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: body(),
    timeoutMs,
    maxBytes,
  });
  if (answer.status !== 200)
    throw new CoveyError('INFERENCE_FAILED', `the cloud answers with status ${answer.status}`);
  const length = Number(answer.headers['inference-header-content-length']);
  if (!Number.isInteger(length) || length < 0 || length > answer.body.byteLength)
    throw new CoveyError('INVALID_DOCUMENT', 'the cloud answers without the binary extension');
  return { ...readAnswer(answer.body, length, schema), sizeBytes: answer.body.byteLength };
}

function readAnswer(
  body: Uint8Array,
  jsonBytes: number,
  schema: ModelSchema,
): Omit<CloudAnswer, 'sizeBytes'> {
  const document = checkDocument(
    AnswerSchema,
    jsonOf(body.subarray(0, jsonBytes)),
    'the answer of the cloud',
  );
  const outputs: Tensors = {};
  let offset = jsonBytes;
  for (const { name, datatype, shape, parameters } of document.outputs) {
    const end = offset + parameters.binary_data_size;
    // A copy, so that elements are aligned.
    const tensor = { datatype, shape, data: new Uint8Array(body.subarray(offset, end)) };
    offset = end;
    const spec = schema.outputs.find((output) => output.name === name);
    // The bigger model may tell more.
    if (!spec) continue;
    requireExpected(spec, tensor);
    outputs[name] = tensor;
  }
  const missing = schema.outputs.find(({ name }) => !Object.hasOwn(outputs, name));
  if (missing) throw new CoveyError('INVALID_DOCUMENT', `the cloud gave no output ${missing.name}`);
  return { version: document.model_version, outputs };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'the answer of the cloud is not valid JSON', { cause });
  }
}

/** Errors: INVALID_DOCUMENT. */
function requireExpected(spec: TensorSpec, { datatype, shape, data }: Tensors[string]): void {
  const fits =
    datatype === spec.datatype &&
    shape.length === spec.shape.length &&
    spec.shape.every((dimension, i) => dimension === -1 || dimension === shape[i]);
  if (!fits)
    throw new CoveyError(
      'INVALID_DOCUMENT',
      `output ${spec.name} of the cloud is ${datatype} [${shape}], not ${spec.datatype} [${spec.shape}]`,
    );
  if (datatype === 'BYTES') decodeElements(data, elementCount(shape));
  else if (data.byteLength !== elementCount(shape) * elementBytes[datatype])
    throw new CoveyError('INVALID_DOCUMENT', `output ${spec.name} of the cloud is cut off`);
}
