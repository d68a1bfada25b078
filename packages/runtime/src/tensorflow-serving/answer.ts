import { CoveyError } from '@covey/protocol';
import type { InferenceReply } from '../engine/index.ts';
import { type Answer, nestedJson, rowsJson, textAnswer, type WriteBytes } from '../http/index.ts';

/**
 * `predictions`, one for each of `rows` instances, or `outputs` for the column form. The name of a single output is left
 * out. Errors: INPUT_INVALID when an output has no row for each instance.
 */
export function predictionAnswer({ model, outputs }: InferenceReply, rows: number | undefined): Answer {
  const named = model.schema.outputs.map(({ name }) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    return { name, tensor };
  });
  if (rows === undefined) {
    const columns = named.map(({ name, tensor }) => ({
      name,
      json: nestedJson(name, tensor, bytesWriter(name)),
    }));
    return textAnswer(`{"outputs":${joined(columns)}}`);
  }
  const columns = named.map(({ name, tensor }) => {
    if (tensor.shape[0] !== rows) {
      const message = `output ${name} has shape [${tensor.shape}], no row for each of ${rows} instances: use "inputs"`;
      throw new CoveyError('INPUT_INVALID', message);
    }
    return { name, rows: rowsJson(name, tensor, bytesWriter(name)) };
  });
  const predictions = Array.from({ length: rows }, (_, row) =>
    joined(columns.map(({ name, rows: texts }) => ({ name, json: texts[row] ?? 'null' }))),
  );
  return textAnswer(`{"predictions":[${predictions.join(',')}]}`);
}

function joined(parts: readonly { name: string; json: string }[]): string {
  const [only, ...others] = parts;
  if (only && others.length === 0) return only.json;
  return `{${parts.map(({ name, json }) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/** Outputs whose names end in _bytes are given in base64, as TensorFlow Serving has it. */
function bytesWriter(name: string): WriteBytes | undefined {
  return name.endsWith('_bytes')
    ? (_name, element) => `{"b64":"${Buffer.from(element).toString('base64')}"}`
    : undefined;
}
