import { CoveyError } from '@covey/protocol';
import type { InferenceReply } from '../engine/index.ts';
import { type Answer, nestedJson, rowsJson, textAnswer } from '../http/index.ts';

/**
 * The output as nested JSON; several as an object by name. One instance is answered without the dimension that counts them, but
 * by a pipeline: how many rows it gives may depend on what is in them, and one face is a list of faces too.
 */
export function predictionAnswer({ model, outputs }: InferenceReply, isOneInstance: boolean): Answer {
  const isSingle = isOneInstance && model.pipeline === undefined;
  const parts = model.schema.outputs.map(({ name }) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    const json = isSingle && tensor.shape[0] === 1 ? rowsJson(name, tensor)[0] : nestedJson(name, tensor);
    return { name, json: json ?? 'null' };
  });
  const [only, ...others] = parts;
  if (only && others.length === 0) return textAnswer(only.json);
  return textAnswer(`{${parts.map(({ name, json }) => `${JSON.stringify(name)}:${json}`).join(',')}}`);
}
