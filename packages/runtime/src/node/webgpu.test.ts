import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, identityModel, modelFolder } from '../models.fixture.ts';

/** A Vulkan driver in software, from Debian's package of Chromium: WebGPU with no GPU. */
const chromium = '/usr/lib/chromium';
const driver = join(chromium, 'vk_swiftshader_icd.json');
const noDriver = existsSync(driver) ? '' : " (skipped: no software Vulkan of Debian's chromium here)";

let models: Awaited<ReturnType<typeof modelFolder>>;
let sessions: string;
beforeAll(async () => {
  models = await modelFolder();
  sessions = await mkdtemp(join(tmpdir(), 'covey-webgpu-'));
});
afterAll(async () => {
  await models.remove();
  await rm(sessions, { recursive: true });
});

/** Runs a program in a process with that Vulkan driver; what it prints, as JSON. */
async function withDriver(manifest: string, script: string): Promise<unknown> {
  const program = `
    import { systemClock } from '${import.meta.resolve('@covey/ports')}';
    import { listProviders, openSession, startExecutor } from '${new URL('./index.ts', import.meta.url)}';
    const schemaOf = (datatype) => ({
      inputs: [{ name: 'x', datatype, shape: [4] }],
      outputs: [{ name: 'y', datatype, shape: [4] }],
    });
    const x = (value) =>
      ({ datatype: 'FP32', shape: [4], data: new Uint8Array(new Float32Array(4).fill(value).buffer) });
    const first = ({ y }) => new Float32Array(y.data.slice().buffer)[0];
    const print = (value) => process.stdout.write(JSON.stringify(value));
    ${script}`;
  const path = await models.write('program.mjs', new TextEncoder().encode(program));
  const { stdout } = await promisify(execFile)(process.execPath, [path], {
    env: { ...process.env, VK_ICD_FILENAMES: manifest, XDG_RUNTIME_DIR: sessions, LD_LIBRARY_PATH: chromium },
  });
  return JSON.parse(stdout);
}

describe('without a driver', () => {
  test('the CPU takes over and the reason is kept; strict, it is refused', async () => {
    const path = await models.write('add.onnx', addModel(1, [4]));
    const found = await withDriver(
      '/nowhere/driver.json',
      `const open = (strict) =>
         openSession(${JSON.stringify(path)}, schemaOf('FP32'), { provider: 'webgpu', threads: 1, strict });
       const session = await open(false);
       const { provider, fallbackReason } = session;
       const refused = await open(true).catch(({ code }) => code);
       print({ provider, fallbackReason, sum: first(await session.run({ x: x(1) })), refused });`,
    );
    expect(found).toEqual({
      ...{ provider: 'cpu', sum: 2, refused: 'UNSUPPORTED' },
      fallbackReason: expect.stringMatching(/^webgpu does not work here: .*(adapter|has no WebGPU)/),
    });
  });
});

describe.skipIf(noDriver !== '')(`with a driver in software${noDriver}`, { timeout: 60_000 }, () => {
  test('it is found', async () => {
    expect(await withDriver(driver, 'print(await listProviders());')).toEqual({ cpu: null, webgpu: null });
  });

  test('strict, a model of which the CPU would do a part is refused; otherwise it runs', async () => {
    const path = await models.write('text.onnx', identityModel('UINT16', [4]));
    const found = await withDriver(
      driver,
      `const open = (strict) =>
         openSession(${JSON.stringify(path)}, schemaOf('UINT16'), { provider: 'webgpu', threads: 1, strict });
       const refused = await open(true).catch(({ code, message }) => ({ code, message }));
       const session = await open(false);
       const data = new Uint8Array([7, 0, 8, 0, 9, 0, 1, 0]);
       const { y } = await session.run({ x: { datatype: 'UINT16', shape: [4], data } });
       print({ refused, provider: session.provider, y: [...y.data] });`,
    );
    expect(found).toEqual({
      refused: { code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('CPU EP') },
      provider: 'webgpu',
      y: [7, 0, 8, 0, 9, 0, 1, 0],
    });
  });

  test('models in threads of their own run at the same time, and no answer is mixed up', async () => {
    const paths = await Promise.all(
      [1, 10].map((constant) => models.write(`add${constant}.onnx`, addModel(constant, [4]))),
    );
    const sums = await withDriver(
      driver,
      `const log = { write: () => {} };
       const executors = await Promise.all(${JSON.stringify(paths)}.map((path) => startExecutor({
         path, schema: schemaOf('FP32'), provider: 'webgpu', threads: 1, clock: systemClock, log, runTimeoutMs: 30_000, maxPending: 99,
       })));
       const runs = Array.from({ length: 40 }, (_, i) =>
         Promise.all(executors.map(async (executor) => first((await executor.run({ x: x(i) })).outputs) - i)));
       print(await Promise.all(runs));
       await Promise.all(executors.map((executor) => executor.close()));`,
    );
    expect(sums).toEqual(Array.from({ length: 40 }, () => [1, 10]));
  });
});
