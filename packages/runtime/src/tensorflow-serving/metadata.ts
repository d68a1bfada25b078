import type { Datatype, LoadedModel, TensorSpec } from '@covey/protocol';
import type { ModelStatistics } from '../engine/index.ts';

/** tensorflow.DataType */
const dtypes: Record<Datatype, string> = {
  BOOL: 'DT_BOOL',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  FP16: 'DT_HALF',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

/** GetModelStatusResponse: what is loaded is available. */
export function modelStatus(loaded: readonly ModelStatistics[]) {
  return {
    model_version_status: loaded.map(({ model }) => ({
      version: String(model.ref.number),
      state: 'AVAILABLE',
      status: { error_code: 'OK', error_message: '' },
    })),
  };
}

/** GetModelMetadataResponse: every model has the one signature serving_default. */
export function signatureMetadata({ ref, schema }: LoadedModel) {
  const signature = {
    inputs: tensorInfos(schema.inputs),
    outputs: tensorInfos(schema.outputs),
    method_name: 'tensorflow/serving/predict',
    defaults: {},
  };
  return {
    model_spec: { name: ref.model, signature_name: '', version: String(ref.number) },
    metadata: { signature_def: { signature_def: { serving_default: signature } } },
  };
}

function tensorInfos(specs: readonly TensorSpec[]) {
  const info = ({ name, datatype, shape }: TensorSpec) => ({
    dtype: dtypes[datatype],
    tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
    name,
  });
  return Object.fromEntries(specs.map((spec) => [spec.name, info(spec)]));
}
