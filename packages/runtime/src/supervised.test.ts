import { join } from 'node:path';
import { streamLog, systemClock } from '@covey/ports';
import type { AgentToRuntime, RuntimeToAgent } from '@covey/protocol';
import { expect, test } from 'vitest';
import { client } from './client.fixture.ts';
import { addModel, loadedModel, modelFolder, schemaOf } from './models.fixture.ts';
import { runRuntime } from './supervised.ts';

test('the process ends when all that it said has left it, and not before', async () => {
  const models = await modelFolder();
  const said: RuntimeToAgent[] = [];
  const exits: number[] = [];
  const left = Promise.withResolvers<void>();
  let tell = (_message: AgentToRuntime) => {};
  runRuntime({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    send: (message) => {
      said.push(message);
      return message.type === 'summary' ? left.promise : Promise.resolve();
    },
    onMessage: (handler) => (tell = handler),
    onStop: () => {},
    exit: (code) => exits.push(code),
  });
  const heard = <T extends RuntimeToAgent['type']>(type: T) =>
    said.find((message): message is Extract<RuntimeToAgent, { type: T }> => message.type === type);
  const intervals = { metricsIntervalMs: 60_000, summaryIntervalMs: 60_000 };
  const recordPath = join(models.folder, 'running');
  tell({ type: 'start', host: '127.0.0.1', port: 0, ...intervals, recordPath, standby: false });
  const model = loadedModel(await models.write('m.onnx', addModel(1, [-1])), schemaOf('FP32', [-1]));
  tell({ type: 'apply', plan: { plan: 1, models: [model] } });
  await expect.poll(() => heard('applied')).toMatchObject({ plan: 1 });
  const http = client(heard('ready')?.url ?? '');
  await http.post('/v2/models/m/infer', {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }],
  });
  tell({ type: 'drain' });
  await expect.poll(() => heard('metrics')).toBeDefined();
  expect([heard('summary') !== undefined, exits]).toEqual([true, []]);
  left.resolve();
  await expect.poll(() => exits).toEqual([0]);
  http.close();
  await models.remove();
});
