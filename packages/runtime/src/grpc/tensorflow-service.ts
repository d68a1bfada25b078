import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { CoveyError, type LoadedModel } from '@covey/protocol';
import type { Engine, InferenceReply } from '../engine/index.ts';
import type { Reach } from '../gateway/index.ts';
import {
  GetModelMetadataRequestSchema,
  GetModelMetadataResponseSchema,
  GetModelStatusRequestSchema,
  GetModelStatusResponseSchema,
  ModelSpecSchema,
  SignatureDefMapSchema,
} from '../generated/tensorflow_serving_pb.ts';
import { modelStatus, signatureMetadata } from '../tensorflow-serving/index.ts';
import { infer } from './infer.ts';
import { type Answerer, messageOf, query, unary } from './method.ts';
import type { Parts } from './parts.ts';
import {
  predictInputs,
  predictOutputs,
  readPredictRequest,
  selected,
  servingSignature,
} from './predict-request.ts';
import type { Methods } from './server.ts';
import { mapEntryParts } from './tensor-proto.ts';

export const predictionService = 'tensorflow.serving.PredictionService';
export const modelService = 'tensorflow.serving.ModelService';

/** The services of TensorFlow Serving that models of any kind can answer. Versions are numbers, labels are channels. */
export function tensorflowMethods(engine: Engine): Methods {
  return {
    [`/${predictionService}/Predict`]: unary(predictAnswerer(engine)),
    [`/${predictionService}/GetModelMetadata`]: query(
      GetModelMetadataRequestSchema,
      GetModelMetadataResponseSchema,
      specReach,
      ({ modelSpec, metadataField }) => {
        if (metadataField.length === 0 || metadataField.some((field) => field !== 'signature_def')) {
          throw new CoveyError('INPUT_INVALID', 'metadata_field must be signature_def, and nothing else');
        }
        const { model } = engine.route({ ...selected(modelSpec), key: undefined });
        const { signature_def: signatures } = signatureMetadata(model).metadata;
        return {
          modelSpec: specOf(model),
          metadata: {
            signature_def: anyPack(SignatureDefMapSchema, messageOf(SignatureDefMapSchema, signatures)),
          },
        };
      },
    ),
    [`/${modelService}/GetModelStatus`]: query(
      GetModelStatusRequestSchema,
      GetModelStatusResponseSchema,
      specReach,
      ({ modelSpec }) => {
        const { model, version } = selected(modelSpec);
        return messageOf(GetModelStatusResponseSchema, modelStatus(engine.statistics(model, version)));
      },
    ),
  };
}

function specReach({ modelSpec }: { modelSpec?: Parameters<typeof selected>[0] }): Reach {
  return { model: selected(modelSpec).model };
}

function predictAnswerer(engine: Engine): Answerer {
  return async (message, call, lease) => {
    const request = readPredictRequest(message);
    const { asked, reply } = await infer(engine, call, request, ({ model }) => ({
      inputs: predictInputs(request, model.schema, lease),
      outputs: predictOutputs(request, model.schema),
      priority: 0,
      timeoutMs: undefined,
    }));
    return { parts: replyParts(reply, asked.outputs), sent: () => reply.finish() };
  };
}

function replyParts({ model, outputs }: InferenceReply, names: string[]): Parts {
  const entries = names.flatMap((name) => {
    const tensor = outputs[name];
    if (tensor === undefined) throw new CoveyError('INFERENCE_FAILED', `the model gave no output ${name}`);
    return mapEntryParts(1, name, tensor);
  });
  const spec = toBinary(ModelSpecSchema, create(ModelSpecSchema, specOf(model)));
  return [...entries, new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(spec).finish()];
}

function specOf({ ref }: LoadedModel) {
  return {
    name: ref.model,
    versionChoice: { case: 'version' as const, value: { value: BigInt(ref.number) } },
    signatureName: servingSignature,
  };
}
