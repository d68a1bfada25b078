import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  encodeGolden,
  type ProbeAnswer,
  type ProbeCandidate,
  type ProbeJob,
  type ProbeResult,
  type Tensor,
} from '@covey/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addModel, identityModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';

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

async function candidateOf(
  name: string,
  model: Uint8Array,
  datatype: 'FP32' | 'UINT16',
  [x, y]: [ArrayBufferView<ArrayBuffer>, ArrayBufferView<ArrayBuffer>],
): Promise<ProbeCandidate> {
  const tensor = ({ buffer }: ArrayBufferView<ArrayBuffer>): Tensor => ({
    ...{ datatype, shape: [2] },
    data: new Uint8Array(buffer),
  });
  const golden = encodeGolden([{ inputs: { x: tensor(x) }, outputs: { y: tensor(y) } }]);
  const { ref, schema } = loadedModel('', schemaOf(datatype, [2]), { name });
  const path = await models.write(`${name}.onnx`, model);
  return {
    ...{ ref, schema },
    variants: [{ name: 'plain', path, tolerances: [{ kind: 'elements', absolute: 0.01, relative: 0 }] }],
    goldenPath: await models.write(`${name}.golden`, golden),
  };
}

/** The real process, with WebGPU in software. */
async function probed(candidates: ProbeCandidate[], limitMs: number): Promise<ProbeResult[]> {
  const child = fork(fileURLToPath(import.meta.resolve('@covey/runtime/probe')), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: sessions, LD_LIBRARY_PATH: chromium },
  });
  child.send({ type: 'probe', candidates, limitMs } satisfies ProbeJob);
  const answer = await new Promise<ProbeAnswer>((resolve) => child.once('message', resolve));
  if (answer.type !== 'verdict') throw new Error(answer.error.message);
  return answer.results;
}

const isOnGpu = ({ provider }: ProbeResult) => provider === 'webgpu';

test.skipIf(noDriver !== '')(
  `WebGPU is raced in a process of its own, and the report says what ran where${noDriver}`,
  { timeout: 60_000 },
  async () => {
    const sum = await candidateOf('sum', addModel(1, [2]), 'FP32', [
      Float32Array.of(1, 2),
      Float32Array.of(2, 3),
    ]);
    const same = await candidateOf('same', identityModel('UINT16', [2]), 'UINT16', [
      Uint16Array.of(7, 8),
      Uint16Array.of(7, 8),
    ]);
    const results = await probed([sum, same], 10_000);
    const [onGpu, partly] = results.filter(isOnGpu);
    expect(onGpu).toMatchObject({
      ...{ model: 'sum', ok: true, maxError: 0, chosen: false },
      reason: expect.stringMatching(/^\d+(\.\d+)? times the latency of the chosen/),
      placement: [{ provider: 'webgpu', nodes: 1 }],
    });
    expect(onGpu?.latencyMs).toBeGreaterThan(0);
    expect(partly).toMatchObject({
      ...{ model: 'same', ok: true, chosen: false },
      placement: expect.arrayContaining([expect.objectContaining({ provider: 'cpu', nodes: 1 })]),
    });
    const chosen = results.filter((result) => result.chosen);
    expect(chosen).toMatchObject([
      { model: 'sum', provider: 'cpu', reason: expect.stringMatching(/webgpu was [\d.]+ times as slow/) },
      { model: 'same', provider: 'cpu' },
    ]);
  },
);

test.skipIf(noDriver !== '')(
  `WebGPU that takes too long is ended, and the CPU's answer stands${noDriver}`,
  { timeout: 60_000 },
  async () => {
    const sum = await candidateOf('late', addModel(1, [2]), 'FP32', [
      Float32Array.of(1, 2),
      Float32Array.of(2, 3),
    ]);
    const results = await probed([sum], 300);
    expect(results.filter(isOnGpu)).toMatchObject([
      { ok: false, chosen: false, reason: expect.stringMatching(/^DEADLINE_EXCEEDED/) },
    ]);
    expect(results.filter(({ chosen }) => chosen)).toMatchObject([{ provider: 'cpu', ok: true }]);
  },
);
