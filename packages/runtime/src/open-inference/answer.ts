import { CoveyError, type LoadedModel, type Tensor } from '@covey/protocol';
import type { InferenceReply } from '../engine/index.ts';
import { type Answer, flatJson, textAnswer } from '../http/index.ts';
import { classified } from './classification.ts';
import type { InferenceRequest, RequestedOutput } from './request.ts';

/** The answer to an inference: JSON, and after it the outputs that were asked for in binary, in order. */
export function inferenceAnswer(
  { model, outputs, parameters: more }: InferenceReply,
  request: InferenceRequest,
): Answer {
  const binary: Uint8Array[] = [];
  let binaryBytes = 0;
  const described = request.outputs.map((requested) => {
    const { name } = requested;
    const found = outputs[name];
    if (found === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    const tensor = requested.classes === 0 ? found : classifiedOutput(found, requested, model);
    const head = `{"name":${JSON.stringify(name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape}]`;
    if (!requested.binary) return `${head},"data":${flatJson(name, tensor)}}`;
    binary.push(tensor.data);
    binaryBytes += tensor.data.byteLength;
    return `${head},"parameters":{"binary_data_size":${tensor.data.byteLength}}}`;
  });
  const { ref, variant, provider } = model;
  const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
  const version = `"model_name":${JSON.stringify(ref.model)},"model_version":${JSON.stringify(ref.version)}`;
  const parameters = `"parameters":${JSON.stringify({ variant, provider, ...more })}`;
  const json = `{${version},${id}${parameters},"outputs":[${described.join(',')}]}`;
  if (binary.length === 0) return textAnswer(json);
  const text = Buffer.from(json, 'utf8');
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': text.byteLength,
      'content-length': text.byteLength + binaryBytes,
    },
    body: [text, ...binary],
  };
}

function classifiedOutput(tensor: Tensor, { name, classes }: RequestedOutput, model: LoadedModel): Tensor {
  const spec = model.schema.outputs.find((output) => output.name === name);
  return classified(name, tensor, classes, spec?.shape[0] === -1, model.classification);
}
