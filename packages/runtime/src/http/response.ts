import type { OutgoingHttpHeaders } from 'node:http';
import { CoveyError, type LoadedModel, type ModelSchema } from '@covey/protocol';
import type { InferenceReply } from '../engine/index.ts';
import { dataAsJson } from './elements.ts';
import type { InferenceRequest } from './request.ts';

export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  /** Written one after the other. */
  body: Uint8Array[];
}

export function jsonAnswer(document: unknown, status = 200): Answer {
  return textAnswer(JSON.stringify(document), status);
}

/** An error as the protocol has it, and its code from the catalogue for scripts. */
export function errorAnswer(error: CoveyError): Answer {
  const answer = jsonAnswer({ error: error.message }, error.status);
  answer.headers['x-covey-error-code'] = error.code;
  // A body that was refused is not read to its end to keep the connection.
  if (error.code === 'PAYLOAD_TOO_LARGE') answer.headers.connection = 'close';
  return answer;
}

/** Health answers have no body; what is not ready is 400, as Triton has it. */
export function healthAnswer(healthy: boolean): Answer {
  return { status: healthy ? 200 : 400, headers: { 'content-length': 0 }, body: [] };
}

/** Model metadata (Open Inference Protocol v2, "Model Metadata Response JSON Object"). */
export function metadataAnswer({ ref, schema }: LoadedModel): Answer {
  const tensors = (specs: ModelSchema['inputs']) =>
    specs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  return jsonAnswer({
    name: ref.model,
    versions: [ref.version],
    platform: 'onnx_onnxv1',
    inputs: tensors(schema.inputs),
    outputs: tensors(schema.outputs),
  });
}

/** The answer to an inference: JSON, and after it the outputs that were asked for in binary, in order. */
export function inferenceAnswer({ model, outputs }: InferenceReply, request: InferenceRequest): Answer {
  const binary: Uint8Array[] = [];
  const described = request.outputs.map(({ name, binary: asBinary }) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    const head = `{"name":${JSON.stringify(name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape}]`;
    if (!asBinary) return `${head},"data":${dataAsJson(name, tensor)}}`;
    binary.push(tensor.data);
    return `${head},"parameters":{"binary_data_size":${tensor.data.byteLength}}}`;
  });
  const { ref, variant, provider } = model;
  const head = JSON.stringify({
    model_name: ref.model,
    model_version: ref.version,
    ...(request.id !== undefined && { id: request.id }),
    parameters: { variant, provider },
  });
  const json = `${head.slice(0, -1)},"outputs":[${described.join(',')}]}`;
  if (binary.length === 0) return textAnswer(json, 200);
  const text = Buffer.from(json, 'utf8');
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': text.byteLength,
      'content-length': binary.reduce((total, part) => total + part.byteLength, text.byteLength),
    },
    body: [text, ...binary],
  };
}

function textAnswer(json: string, status: number): Answer {
  const bytes = Buffer.from(json, 'utf8');
  const headers = { 'content-type': 'application/json', 'content-length': bytes.byteLength };
  return { status, headers, body: [bytes] };
}
