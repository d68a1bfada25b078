import type { LoadedModel, ModelSchema } from '@covey/protocol';
import type { RepositoryEntry } from '../engine/index.ts';

/** Model metadata (Open Inference Protocol v2, "Model Metadata Response JSON Object"); `versions` are all that are ready. */
export function modelMetadata({ ref, schema }: LoadedModel, index: readonly RepositoryEntry[]) {
  const tensors = (specs: ModelSchema['inputs']) =>
    specs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  const ready = index.filter(({ name, state }) => name === ref.model && state === 'READY');
  return {
    name: ref.model,
    versions: ready.map(({ version }) => version),
    platform: 'onnx_onnxv1',
    inputs: tensors(schema.inputs),
    outputs: tensors(schema.outputs),
  };
}
