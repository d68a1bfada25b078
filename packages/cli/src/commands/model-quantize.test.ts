import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GraphBuilder, type Model, writeModel } from '@covey/onnx';
import { afterAll, expect, test } from 'vitest';
import { floatsNpy } from '../tensors/files.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-quantize-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command; `until` ends it by SIGTERM at the first progress that contains it. */
function quantize(args: string[], until?: string) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const main = fileURLToPath(import.meta.resolve('@covey/cli/main'));
    const env = { ...process.env, TMPDIR: temporary };
    const child = spawn(process.execPath, [main, 'model', 'quantize', ...args], { env });
    let stderr = '';
    let stdout = '';
    let isTold = false;
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
      if (isTold || until === undefined || !stderr.includes(until)) return;
      isTold = child.kill('SIGTERM');
    });
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function folderOf(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

function modelFile(name: string, model: Model): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, writeModel(model));
  return path;
}

function layer(): Model {
  const builder = new GraphBuilder('layer');
  builder.input({ name: 'x', datatype: 'FP32', shape: [1, 64] });
  const weights = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
  builder.initializer('w', { datatype: 'FP32', shape: [64, 64], data: new Uint8Array(weights.buffer) });
  builder.node('MatMul', ['x', 'w'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [1, 64] });
  return builder.build();
}

/** Small inputs and outputs, and in between forty times twice as much. */
function doubling(rows: number): Model {
  const builder = new GraphBuilder('doubling');
  let last = builder.input({ name: 'x', datatype: 'FP32', shape: [rows, 64] });
  for (let i = 0; i < 40; i++) last = builder.node('Concat', [last, last], `p${i}`, { axis: 1 });
  builder.output({ name: builder.node('ReduceMax', [last], 'y'), datatype: 'FP32', shape: [1, 1] });
  return builder.build();
}

function samples(name: string, value: (i: number) => number): string {
  const path = folderOf(name);
  for (let i = 0; i < 8; i++)
    writeFileSync(
      join(path, `${i}.npy`),
      floatsNpy(
        '1, 64',
        Array.from({ length: 64 }, (_, j) => value(64 * i + j)),
      ),
    );
  return path;
}

/** For temporary files, so that what is left of them is seen. */
const temporary = folderOf('temporary');
const newPath = () => join(mkdtempSync(join(folder, 'out-')), 'out');

const [model, waves] = [modelFile('layer', layer()), samples('waves', Math.cos)];
const usual = [model, '--samples', waves];

test.each<[words: string, args: string[]]>([
  ['output y: the model answers no finite value', [model, '--samples', samples('nan', () => Number.NaN)]],
  ["half of this machine's memory", [modelFile('doubling', doubling(1)), '--samples', waves]],
  ["half of this machine's memory", [modelFile('open', doubling(-1)), '--samples', waves]],
  ['--held-out 0%: some samples must be held out', [...usual, '--held-out', '0']],
  ['--held-out 100%: some samples must be held out', [...usual, '--held-out', '100%']],
  ['this machine has', [...usual, '--threads', String(availableParallelism() + 1)]],
])('what cannot be judged, or run here, is refused: %s', async (words, args) => {
  const out = newPath();
  const { code, stderr } = await quantize([...args, '--out', out]);
  expect(stderr).toContain(words);
  expect(code).toBeGreaterThan(0);
  expect(existsSync(out)).toBe(false);
});

test('what is done is told, and the steps are removed once the result is there', async () => {
  const out = newPath();
  const { code, stderr, stdout } = await quantize([...usual, '--variants', 'fp16', '--out', out]);
  expect(code, stderr).toBe(0);
  const source = 'samples: 8 samples for x FP32 [1,64], from 8 files';
  expect(stderr).toContain(source);
  expect(stdout).toContain(source);
  expect(readdirSync(out).sort()).toEqual([
    'evaluation.json',
    'fp16.onnx',
    'fp32.onnx',
    'golden.bin',
    'reference.pb',
    'variants.json',
  ]);
});

test('told to stop, it says that it goes on, and where, and leaves no temporary file', async () => {
  const out = newPath();
  const { code, stderr } = await quantize([...usual, '--out', out], 'editing the graph');
  expect({ code, stderr }).toMatchObject({
    code: 143,
    stderr: expect.stringContaining(`in ${join(out, '.work')}; the same command goes on where it was`),
  });
  expect(readdirSync(temporary).filter((name) => name.startsWith('covey-'))).toEqual([]);
});
