import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { addModel, countingModel, modelFolder, schemaOf } from '../models.fixture.ts';
import { Throwaway } from './throwaway.ts';

let models: Awaited<ReturnType<typeof modelFolder>>;
beforeAll(async () => {
  models = await modelFolder();
});
afterAll(() => models.remove());

function started(): Throwaway {
  const child = new Throwaway();
  onTestFinished(() => child.close());
  return child;
}

/** Processes of the probe's entry that this one started; of Linux. */
function probesOfOurs(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' '))
    .filter(
      (pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('runtime/src/probe.ts'),
    )
    .map(Number);
}

const specOf = (path: string, schema: ReturnType<typeof schemaOf>) => ({
  ...{ path, schema, tolerances: [], provider: 'cpu', threads: 1 },
});

test('it answers one request after the other, failures with their code', async () => {
  const child = started();
  const path = await models.write('a.onnx', addModel(1, [1]));
  const absent = specOf(`${path}.absent`, schemaOf('FP32', [1]));
  await expect(child.ask({ type: 'open', spec: absent }, 20_000)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
  });
  expect(await child.ask({ type: 'open', spec: specOf(path, schemaOf('FP32', [1])) }, 20_000)).toMatchObject({
    maxError: null,
  });
  const withoutInputs = child.ask({ type: 'turn', round: 0, runs: 1 }, 20_000);
  await expect(withoutInputs).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
});

test.skipIf(process.platform !== 'linux')(
  'its death is an answer, to this request and to every later one',
  async () => {
    const child = started();
    const path = await models.write('count.onnx', countingModel());
    await child.ask({ type: 'open', spec: specOf(path, schemaOf('INT64', [])) }, 20_000);
    const [pid] = probesOfOurs();
    if (pid === undefined) throw new Error('it does not run');
    process.kill(pid, 'SIGSEGV');
    const died = { code: 'RUNTIME_DIED', message: expect.stringMatching(/^its process ended by SIGSEGV/) };
    await expect(child.ask({ type: 'turn', round: 0, runs: 1 }, 20_000)).rejects.toMatchObject(died);
    await expect(child.ask({ type: 'turn', round: 0, runs: 1 }, 20_000)).rejects.toMatchObject(died);
  },
);

test('what takes too long is ended', async () => {
  const child = started();
  await expect(child.ask({ type: 'webgpu' }, 1)).rejects.toMatchObject({
    ...{ code: 'DEADLINE_EXCEEDED', message: 'no answer within 1 ms' },
  });
  await child.close();
});
