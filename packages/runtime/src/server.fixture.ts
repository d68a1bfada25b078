import { streamLog, systemClock } from '@covey/ports';
import type { ModelSchema } from '@covey/protocol';
import { client } from './client.fixture.ts';
import { loadedModel, modelFolder } from './models.fixture.ts';
import { createInferenceServer } from './server.ts';

/** An inference server in this process with the given models, version 1.2.0, number 3; ONNX bytes and schema by name. */
export async function serverWith(served: Record<string, [bytes: Uint8Array, schema: ModelSchema]>) {
  const folder = await modelFolder();
  const server = createInferenceServer({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    host: '127.0.0.1',
    port: 0,
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
  });
  const { url, port } = await server.listen();
  const models = [];
  for (const [name, [bytes, schema]] of Object.entries(served)) {
    const path = await folder.write(`${name}.onnx`, bytes);
    models.push(loadedModel(path, schema, { name, version: '1.2.0', number: 3 }));
  }
  await server.apply({ plan: 1, models });
  const http = client(url);
  return {
    port,
    http,
    close: async () => {
      http.close();
      await server.drain();
      await folder.remove();
    },
  };
}
