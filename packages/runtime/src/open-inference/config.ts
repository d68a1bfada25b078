import type { Datatype, LoadedModel, TensorSpec } from '@covey/protocol';

/** Triton's names of datatypes in model configurations (model_config.proto, DataType). */
function dataType(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

/**
 * Model configuration extension: Triton's ModelConfig, as far as there is something true to say. Where the bundle declares
 * batching and every tensor begins with a dimension that varies, that one is left to max_batch_size, as Triton has it.
 */
export function modelConfig({ ref, schema, settings, provider, threads }: LoadedModel) {
  const declared = settings?.batching?.maxBatchSize ?? 0;
  const tensors = [...schema.inputs, ...schema.outputs];
  const maxBatchSize = declared > 1 && tensors.every(({ shape }) => shape[0] === -1) ? declared : 0;
  const dims = ({ shape }: TensorSpec) => (maxBatchSize > 0 ? shape.slice(1) : shape);
  const { maxDelayMs = 0, sizes = [] } = settings?.batching ?? {};
  return {
    name: ref.model,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { specific: { versions: [ref.number] } },
    max_batch_size: maxBatchSize,
    input: schema.inputs.map((spec) => ({
      name: spec.name,
      data_type: dataType(spec.datatype),
      format: 'FORMAT_NONE',
      dims: dims(spec),
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
    })),
    output: schema.outputs.map((spec) => ({
      name: spec.name,
      data_type: dataType(spec.datatype),
      dims: dims(spec),
      label_filename: '',
      is_shape_tensor: false,
    })),
    instance_group: [
      {
        name: ref.model,
        kind: provider === 'cpu' ? 'KIND_CPU' : 'KIND_GPU',
        count: settings?.instances?.min ?? 1,
        gpus: [],
      },
    ],
    ...(maxBatchSize > 0 && {
      dynamic_batching: {
        preferred_batch_size: sizes,
        max_queue_delay_microseconds: Math.round(maxDelayMs * 1_000),
      },
    }),
    default_model_filename: 'model.onnx',
    parameters: { intra_op_thread_count: { string_value: String(threads) } },
    model_warmup: [],
  };
}
