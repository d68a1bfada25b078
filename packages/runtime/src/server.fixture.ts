import { streamLog, systemClock } from '@covey/ports';
import type { LoadedModel, ModelSchema, Route } from '@covey/protocol';
import { client } from './client.fixture.ts';
import { loadedModel, modelFolder } from './models.fixture.ts';
import { createInferenceServer, type InferenceServerOptions } from './server.ts';

type Served = [bytes: Uint8Array, schema: ModelSchema, more?: Partial<LoadedModel>];

/** An inference server in this process with the given models, version 1.2.0, number 3; ONNX bytes and schema by name. */
export async function serverWith(
  served: Record<string, Served>,
  ports: Partial<InferenceServerOptions> = {},
  routes: Route[] = [],
) {
  const folder = await modelFolder();
  const server = createInferenceServer({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    host: '127.0.0.1',
    port: 0,
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
    ...ports,
  });
  const addresses = await server.listen();
  const models = [];
  for (const [name, [bytes, schema, more]] of Object.entries(served)) {
    const path = await folder.write(`${name}.onnx`, bytes);
    models.push({ ...loadedModel(path, schema, { name, version: '1.2.0', number: 3 }), ...more });
  }
  await server.apply({ plan: 1, models, routes });
  const http = client(addresses.url);
  return {
    ...addresses,
    http,
    close: async () => {
      http.close();
      await server.drain();
      await folder.remove();
    },
  };
}
