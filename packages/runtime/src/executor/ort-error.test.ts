import { expect, test } from 'vitest';
import { ortError } from './ort-error.ts';

const wordsOf = (message: string, path?: string) =>
  ortError('MODEL_INVALID', new Error(message), path).message;

test('the place in its source and the path of the file are left out, the words stay', () => {
  const future =
    'Load model from /tmp/covey-model-c5ADyp/model.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:202 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::IOnnxRuntimeOpSchemaRegistryList*, const onnxruntime::logging::Logger&, const onnxruntime::ModelOptions&) Unsupported model IR version: 99, max supported IR version: 13\n';
  expect(wordsOf(future, '/tmp/covey-model-c5ADyp/model.onnx')).toBe(
    'Load model from the model failed: Unsupported model IR version: 99, max supported IR version: 13',
  );
  const reshape =
    "Non-zero status code returned while running Reshape node. Name:'y' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, std::function<void(int)>, bool) input_shape_size == requested_shape_size was false. Input shape:{1,4} (given)";
  expect(wordsOf(reshape)).toBe(
    "Non-zero status code returned while running Reshape node. Name:'y' Status Message: input_shape_size == requested_shape_size was false. Input shape:{1,4} (given)",
  );
  expect(wordsOf('Got invalid dimensions for input: x (see the model)')).toBe(
    'Got invalid dimensions for input: x (see the model)',
  );
});
