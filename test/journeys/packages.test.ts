import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GraphBuilder, writeModel } from '@covey/onnx';
import { beforeAll, expect, test } from 'vitest';
import { dataFolder, hasData, temporaryFolder } from './harness.ts';
import { bundled } from './site.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const project = temporaryFolder();
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: { setup: string };
  devDependencies: Record<string, string>;
};

beforeAll(async () => {
  const packing = await run(process.execPath, [join(root, 'device-images', 'packages.ts')]);
  const tarballs = Object.fromEntries(
    packing.stdout
      .trim()
      .split('\n')
      .map((path) => [`@covey/${/covey-(\w+)-[^/]*$/.exec(path)?.[1]}`, `file:${path}`]),
  );
  const write = (name: string, content: object) =>
    writeFileSync(join(project, name), JSON.stringify(content));
  const dependencies = {
    '@covey/runtime': tarballs['@covey/runtime'],
    '@covey/onnx': tarballs['@covey/onnx'],
    '@types/node': manifest.devDependencies['@types/node'],
  };
  write('package.json', { name: 'program', private: true, type: 'module', dependencies });
  // JSON is YAML.
  write('pnpm-workspace.yaml', { overrides: tarballs });
  const pnpm = /pnpm@[\d.]+/.exec(manifest.scripts.setup)?.[0] ?? '';
  const options = ['--prefer-offline', '--ignore-scripts', '--reporter=append-only'];
  await run('npx', ['--yes', pnpm, 'install', ...options], { cwd: project });
  writeFileSync(join(project, 'digits-1.onnx'), digitsModel(1));
  writeFileSync(join(project, 'digits-2.onnx'), digitsModel(2));
});

/** Scores for ten classes from 28 x 28 pixels, by one matrix. */
function digitsModel(scale: number): Uint8Array {
  const graph = new GraphBuilder('digits');
  const picture = graph.input({ name: 'picture', datatype: 'FP32', shape: [-1, 1, 28, 28] });
  const weights = Float32Array.from({ length: 7_840 }, (_, i) => scale * Math.sin(i));
  const data = new Uint8Array(weights.buffer);
  const matrix = graph.initializer('weights', { datatype: 'FP32', shape: [784, 10], data });
  const pixels = graph.node('Flatten', [picture], 'pixels');
  graph.node('Softmax', [graph.node('MatMul', [pixels, matrix], 'sums')], 'scores');
  graph.output({ name: 'scores', datatype: 'FP32', shape: [-1, 10] });
  return writeModel(graph.build());
}

/** The first program of a section of the runtime's README. */
function programIn(section: string): string {
  const readme = readFileSync(join(root, 'packages', 'runtime', 'README.md'), 'utf8');
  const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  return /```ts\n([\s\S]*?)```/.exec(text ?? '')?.[1] ?? '';
}

async function runProgram(name: string, content: string, ...args: string[]): Promise<string[]> {
  writeFileSync(join(project, name), content);
  const { stdout } = await run(process.execPath, [name, ...args], { cwd: project });
  return stdout.trim().split('\n');
}

/** With the packed types. */
async function compile(name: string, options: object): Promise<void> {
  const compilerOptions = { strict: true, module: 'nodenext', target: 'esnext', noEmit: true, ...options };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [name] }));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const compiling = await run(tsc, ['-p', project]).catch((failed: { stdout: string }) => failed);
  expect(compiling.stdout).toBe('');
}

test('the program of the README compiles against the packed types, every library checked, and runs', async () => {
  const program = programIn('Embedding');
  writeFileSync(join(project, 'program.ts'), program);
  await compile('program.ts', { types: ['node'], skipLibCheck: false });
  expect(await runProgram('program.ts', program)).toEqual([
    '1.0.0 10 cpu',
    '2.0.0 picture',
    expect.stringMatching(/^INPUT_INVALID .*picture/),
    '2',
  ]);
});

test('every entry is there, and a model file is read, in plain JavaScript', async () => {
  const program = `
    import { existsSync, readFileSync } from 'node:fs';
    import { fileURLToPath } from 'node:url';
    import { inspectModel } from '@covey/onnx';
    import { readModelFile } from '@covey/onnx/files';
    const main = import.meta.resolve('@covey/runtime');
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', main), 'utf8'));
    for (const entry of Object.keys(exports)) {
      const path = fileURLToPath(import.meta.resolve('@covey/runtime' + entry.slice(1)));
      if (existsSync(path)) console.log(entry);
    }
    console.log(inspectModel(readModelFile('digits-1.onnx')).nodes);
  `;
  const inBrowsers = ['./browser', './browser-worker'];
  const entries = ['.', ...inBrowsers, './probe', './process', './runner', './steps', './worker'];
  const printed = await runProgram('program.js', program);
  expect(printed.toSorted()).toEqual(['3', ...entries].toSorted());
});

test('the page of the README compiles against the packed types, and is bundled with its worker without anything of Node', async () => {
  writeFileSync(join(project, 'page.ts'), programIn('In a browser'));
  await compile('page.ts', { types: [], lib: ['esnext', 'esnext.typedarrays', 'dom'], skipLibCheck: true });
  const worker = join(project, 'node_modules', '@covey', 'runtime', 'src', 'browser-worker.js');
  const bundles = await bundled({ page: join(project, 'page.ts'), worker });
  expect([...bundles.keys()].toSorted()).toEqual(['/page.js', '/worker.js']);
});

test.skipIf(!hasData)('a photograph goes through the steps of a pipeline', async () => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { elements, open, tensor } from '@covey/runtime';
    const form = {
      kind: 'image', width: 28, height: 28, fit: 'crop', interpolation: 'antialiased',
      channels: 'grey', layout: 'nchw', datatype: 'FP32', mean: [0], scale: [255],
    };
    const pipeline = {
      inputs: [{ name: 'file', datatype: 'BYTES', shape: [-1] }],
      stages: [
        { kind: 'preprocess', input: 'file', output: 'pixels', form },
        { kind: 'model', inputs: { picture: 'pixels' }, outputs: { scores: 'scores' } },
      ],
      outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 10] }],
    };
    // Without a graphics card this falls back to the CPU, which the throwaway process finds out.
    const runtime = await open([{ name: 'digits', path: 'digits-1.onnx', pipeline, provider: 'webgpu' }]);
    const { outputs } = await runtime.infer('digits', { file: tensor([readFileSync(process.argv[2])]) });
    console.log(outputs.scores.shape.join(), elements(outputs.scores).reduce((a, b) => a + b).toFixed(3));
    await runtime.close();
  `;
  const photograph = join(dataFolder, 'images', 'faces-1.jpg');
  expect(await runProgram('photograph.js', program, photograph)).toEqual(['1,10 1.000']);
});
