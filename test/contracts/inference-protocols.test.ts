import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { streamLog, systemClock } from '@covey/ports';
import { createInferenceServer, type InferenceServer } from '@covey/runtime';
import { Ajv, type SchemaObject } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/**
 * No client of these protocols for REST can be had from npm or Debian. So what clients rely on is written down here as
 * JSON Schema, after the published specifications, and judged by a validator that others wrote.
 */

const path = fileURLToPath(new URL('../../../shared/data/models/mnist.onnx', import.meta.url));
const present = existsSync(path);

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const list = (items: SchemaObject): SchemaObject => ({ type: 'array', items });
const object = (properties: Record<string, SchemaObject>, optional: string[] = []): SchemaObject => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
const only = (properties: Record<string, SchemaObject>, optional: string[] = []): SchemaObject => ({
  ...object(properties, optional),
  additionalProperties: false,
});

const datatype = {
  enum: [
    ...['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'],
    ...['FP16', 'FP32', 'FP64', 'BYTES'],
  ],
};
const parameters = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } };
const tensorMetadata = only({ name: text, datatype, shape: list({ type: 'integer', minimum: -1 }) });
const error = only({ error: { type: 'string', minLength: 1 } });

/** kserve/open-inference-protocol, specification/protocol/open_inference_rest.yaml */
const openInference = {
  server: only({ name: text, version: text, extensions: list(text) }),
  model: only({
    name: text,
    versions: list(text),
    platform: text,
    inputs: list(tensorMetadata),
    outputs: list(tensorMetadata),
  }),
  inference: only(
    {
      model_name: text,
      model_version: text,
      id: text,
      parameters,
      outputs: list(
        only({ name: text, shape: list(count), datatype, data: { type: 'array' }, parameters }, [
          'parameters',
        ]),
      ),
    },
    ['id', 'parameters'],
  ),
  binary: object({
    outputs: list(
      object({ name: text, shape: list(count), datatype, parameters: only({ binary_data_size: count }) }),
    ),
  }),
};

/** triton-inference-server/server, docs/protocol: extension_statistics, extension_model_repository. */
const duration = only({ count, ns: count });
const computed = { compute_input: duration, compute_infer: duration, compute_output: duration };
const extensions = {
  statistics: only({
    model_stats: list(
      object({
        name: text,
        version: text,
        last_inference: count,
        inference_count: count,
        execution_count: count,
        inference_stats: object({
          success: duration,
          fail: duration,
          queue: duration,
          ...computed,
          cache_hit: duration,
        }),
        batch_stats: list(only({ batch_size: count, ...computed })),
      }),
    ),
  }),
  repository: list(
    only({
      name: text,
      version: text,
      state: { enum: ['UNKNOWN', 'READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING'] },
      reason: text,
    }),
  ),
  /** model_config.proto in the JSON of protobuf: int64 as numbers or digits, enumerations by name. */
  configuration: object({
    name: text,
    platform: text,
    backend: text,
    max_batch_size: count,
    input: list(
      object({
        name: text,
        data_type: { type: 'string', pattern: '^TYPE_' },
        dims: list({ type: 'integer', minimum: -1 }),
      }),
    ),
    output: list(
      object({
        name: text,
        data_type: { type: 'string', pattern: '^TYPE_' },
        dims: list({ type: 'integer', minimum: -1 }),
      }),
    ),
    instance_group: list(
      object({ kind: { enum: ['KIND_AUTO', 'KIND_GPU', 'KIND_CPU', 'KIND_MODEL'] }, count }),
    ),
  }),
};

/** tensorflow/serving, g3doc/api_rest.md, get_model_status.proto and get_model_metadata.proto in the JSON of protobuf. */
const number64 = { type: 'string', pattern: '^-?\\d+$' };
const tensorInfo = only({
  dtype: { type: 'string', pattern: '^DT_[A-Z0-9]+$' },
  tensor_shape: only({ dim: list(only({ size: number64, name: text })), unknown_rank: { type: 'boolean' } }),
  name: text,
});
const tensorInfos = { type: 'object', additionalProperties: tensorInfo, minProperties: 1 };
const tensorflowServing = {
  status: only({
    model_version_status: list(
      only({
        version: number64,
        state: { enum: ['UNKNOWN', 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'] },
        status: only({ error_code: text, error_message: text }),
      }),
    ),
  }),
  metadata: only({
    model_spec: only({ name: text, signature_name: text, version: number64 }),
    metadata: only({
      signature_def: only({
        signature_def: only({
          serving_default: object({ inputs: tensorInfos, outputs: tensorInfos, method_name: text }),
        }),
      }),
    }),
  }),
  predictions: only({ predictions: { type: 'array', minItems: 1 } }),
  outputs: only({ outputs: { type: 'array' } }),
};

/** pytorch/serve, docs/inference_api.md and its model server's error responses. */
const torchServe = {
  ping: only({ status: { enum: ['Healthy', 'Partial Healthy', 'Unhealthy'] } }),
  error: only({ code: count, type: { type: 'string', pattern: 'Exception$' }, message: text }),
  prediction: list({ type: 'number' }),
};

const ajv = new Ajv({ allErrors: true, strictTypes: false });
const conforms = (schema: SchemaObject, document: unknown) =>
  expect(ajv.validate(schema, document), `${ajv.errorsText()}\n${JSON.stringify(document)}`).toBe(true);

describe.skipIf(!present)(
  'what clients of the protocols rely on (skipped where ../shared/data/models is absent)',
  () => {
    let server: InferenceServer;
    let url: string;

    beforeAll(async () => {
      server = createInferenceServer({
        clock: systemClock,
        log: streamLog({ write: () => true }, systemClock, 'error'),
        host: '127.0.0.1',
        port: 0,
        metricsIntervalMs: 60_000,
        summaryIntervalMs: 60_000,
        send: () => {},
      });
      ({ url } = await server.listen());
      const schema = {
        inputs: [{ name: 'Input3', datatype: 'FP32' as const, shape: [1, 1, 28, 28] }],
        outputs: [{ name: 'Plus214_Output_0', datatype: 'FP32' as const, shape: [1, 10] }],
      };
      const ref = { model: 'mnist', version: '1.0.0', number: 1, bundle: '0'.repeat(64) };
      await server.apply({
        plan: 1,
        models: [{ ref, variant: 'fp32', provider: 'cpu', threads: 1, path, schema }],
      });
    });
    afterAll(() => server.drain());

    const get = async (address: string) => (await fetch(`${url}${address}`)).json();
    const post = async (
      address: string,
      body: string | Uint8Array<ArrayBuffer>,
      headers: Record<string, string> = {},
    ) => fetch(`${url}${address}`, { method: 'POST', headers, body });
    const postJson = async (address: string, document: unknown) =>
      (await post(address, JSON.stringify(document))).json();
    const image = Array.from({ length: 784 }, (_, i) => (i % 7) / 7);
    const nested = [Array.from({ length: 28 }, (_, y) => image.slice(28 * y, 28 * y + 28))];

    test('Open Inference Protocol: metadata, inference in JSON and binary, errors', async () => {
      conforms(openInference.server, await get('/v2'));
      conforms(openInference.model, await get('/v2/models/mnist'));
      const input = { name: 'Input3', datatype: 'FP32', shape: [1, 1, 28, 28] };
      const request = { id: '1', inputs: [{ ...input, data: image }] };
      conforms(openInference.inference, await postJson('/v2/models/mnist/infer', request));

      const asked = JSON.stringify({
        inputs: [{ ...input, parameters: { binary_data_size: 3_136 } }],
        parameters: { binary_data_output: true },
      });
      const body = Buffer.concat([Buffer.from(asked), new Uint8Array(new Float32Array(image).buffer)]);
      const binary = await post('/v2/models/mnist/infer', new Uint8Array(body), {
        'inference-header-content-length': String(asked.length),
      });
      const whole = Buffer.from(await binary.arrayBuffer());
      const headBytes = Number(binary.headers.get('inference-header-content-length'));
      conforms(openInference.binary, JSON.parse(whole.subarray(0, headBytes).toString()));
      expect(whole.byteLength).toBe(headBytes + 40);

      for (const address of ['/v2/models/none', '/v2/models/mnist/versions/9', '/v2/none']) {
        conforms(error, await get(address));
      }
      conforms(error, await (await post('/v2/models/mnist/infer', '{')).json());
    });

    test("Triton's extensions", async () => {
      conforms(extensions.statistics, await get('/v2/models/stats'));
      conforms(extensions.statistics, await get('/v2/models/mnist/versions/1/stats'));
      conforms(extensions.configuration, await get('/v2/models/mnist/config'));
      conforms(extensions.repository, await (await post('/v2/repository/index', '')).json());
    });

    test('TensorFlow Serving', async () => {
      conforms(tensorflowServing.status, await get('/v1/models/mnist'));
      conforms(tensorflowServing.metadata, await get('/v1/models/mnist/metadata'));
      const rows = { instances: [nested] };
      conforms(tensorflowServing.predictions, await postJson('/v1/models/mnist/versions/1:predict', rows));
      conforms(tensorflowServing.outputs, await postJson('/v1/models/mnist:predict', { inputs: [nested] }));
      conforms(error, await get('/v1/models/none'));
    });

    test('TorchServe', async () => {
      conforms(torchServe.ping, await get('/ping'));
      const raw = await post('/predictions/mnist', new Uint8Array(new Float32Array(image).buffer));
      conforms(torchServe.prediction, await raw.json());
      conforms(torchServe.error, await (await post('/predictions/none', 'x')).json());
    });
  },
);
