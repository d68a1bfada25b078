import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createModel } from '../graph/index.ts';
import {
  type AttributeInput,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Model,
  writeModel,
} from '../model/index.ts';
import { placeNodes } from './index.ts';

/** A Vulkan driver in software, from Debian's package of Chromium: WebGPU with no GPU. */
const chromium = '/usr/lib/chromium';
const driver = join(chromium, 'vk_swiftshader_icd.json');

interface Case {
  opType: string;
  inputs: (keyof typeof elementTypes)[];
  attributes?: Record<string, AttributeInput>;
  version?: number;
  domain?: string;
}

const blocked = { K: 64, N: 32, bits: 4, block_size: 32 };
const cases: Case[] = [
  { opType: 'Relu', inputs: ['FLOAT'] },
  { opType: 'Sin', inputs: ['FLOAT'] },
  { opType: 'Sin', inputs: ['FLOAT'], version: 22 },
  { opType: 'Sin', inputs: ['FLOAT16'] },
  { opType: 'Add', inputs: ['INT32', 'INT32'] },
  { opType: 'Add', inputs: ['INT64', 'INT64'] },
  { opType: 'Conv', inputs: ['FLOAT', 'FLOAT'], attributes: { kernel_shape: [3, 3] } },
  { opType: 'Conv', inputs: ['FLOAT', 'FLOAT'], attributes: { kernel_shape: [3, 3] }, version: 22 },
  { opType: 'Gemm', inputs: ['FLOAT', 'FLOAT'] },
  { opType: 'MatMul', inputs: ['FLOAT', 'FLOAT'] },
  { opType: 'Det', inputs: ['FLOAT'] },
  { opType: 'Cast', inputs: ['FLOAT'], attributes: { to: elementTypes.INT32 } },
  { opType: 'Cast', inputs: ['FLOAT'], attributes: { to: elementTypes.INT8 } },
  { opType: 'Gather', inputs: ['FLOAT', 'INT64'] },
  { opType: 'Softmax', inputs: ['FLOAT'] },
  { opType: 'QuantizeLinear', inputs: ['FLOAT', 'FLOAT', 'UINT8'] },
  { opType: 'DynamicQuantizeLinear', inputs: ['FLOAT'] },
  { opType: 'DequantizeLinear', inputs: ['UINT8', 'FLOAT', 'UINT8'] },
  { opType: 'DequantizeLinear', inputs: ['INT4', 'FLOAT', 'INT4'] },
  { opType: 'DequantizeLinear', inputs: ['UINT8', 'FLOAT', 'UINT8'], version: 24 },
  { opType: 'MatMulInteger', inputs: ['UINT8', 'INT8'] },
  {
    opType: 'MatMulNBits',
    inputs: ['FLOAT', 'UINT8', 'FLOAT'],
    domain: 'com.microsoft',
    attributes: blocked,
  },
];

function modelOf({ opType, inputs, attributes, version = 21, domain = '' }: Case): Model {
  const names = inputs.map((_, index) => `x${index}`);
  const model = createModel({
    ...createGraph('g'),
    nodes: [
      createNode(
        opType,
        names,
        opType === 'DynamicQuantizeLinear' ? ['y', 's', 'z'] : ['y'],
        attributes,
        domain,
      ),
    ],
    inputs: inputs.map((type, index) =>
      createValueInfo(`x${index}`, { kind: 'tensor', elementType: elementTypes[type] }),
    ),
    outputs: [createValueInfo('y')],
  });
  return { ...model, opsets: [{ domain: '', version }, ...(domain ? [{ domain, version: 1 }] : [])] };
}

/** Loads the models named in its arguments for WebGPU alone and prints where each node would run. */
const script = `
  import * as ort from 'onnxruntime-node';
  const options = { executionProviders: ['webgpu'], graphOptimizationLevel: 'disabled', logSeverityLevel: 4 };
  const places = [];
  for (const file of process.argv.slice(1))
    try {
      const extra = { session: { disable_cpu_ep_fallback: '1' } };
      await (await ort.InferenceSession.create(file, { ...options, extra })).release();
      places.push('webgpu');
    } catch (error) {
      places.push(/fallback to CPU EP has been/.test(error.message) ? 'cpu' : error.message);
    }
  process.stdout.write(JSON.stringify(places), () => process.exit());
`;

test.skipIf(!existsSync(driver))(
  `WebGPU runs what the table says${existsSync(driver) ? '' : " (skipped: no software Vulkan of Debian's chromium here)"}`,
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'covey-webgpu-'));
    try {
      const models = cases.map(modelOf);
      const files = models.map((_, index) => join(folder, `${index}.onnx`));
      await Promise.all(models.map((model, index) => writeFile(files[index] ?? '', writeModel(model))));
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '--eval', script, ...files],
        {
          cwd: join(import.meta.dirname, '..', '..'),
          env: {
            ...process.env,
            VK_ICD_FILENAMES: driver,
            XDG_RUNTIME_DIR: folder,
            LD_LIBRARY_PATH: chromium,
          },
        },
      );
      const real: string[] = JSON.parse(stdout);
      const told = models.map((model) => placeNodes(model, 'webgpu')[0]?.runs);
      const describe = (runs: readonly unknown[]) =>
        cases.map(
          ({ opType, inputs, version }, index) => `${opType} ${inputs} ${version ?? ''}: ${runs[index]}`,
        );
      expect(describe(told)).toEqual(describe(real));
      expect(new Set(real)).toEqual(new Set(['cpu', 'webgpu']));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
