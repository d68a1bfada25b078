import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ModelSchema, Tensor, TensorSpec } from '@covey/protocol';
import { createExecution } from '@covey/runtime';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { floatsNpy, npyFile, zipFile } from '../tensors/files.fixture.ts';
import { samplesIn } from './arrays.ts';
import { openSamples, type Sample, type SampleOptions, type SampleSet, split } from './index.ts';

const data = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'data');
const root = mkdtempSync(join(tmpdir(), 'covey-samples-'));
afterAll(() => rmSync(root, { recursive: true }));

const put = (name: string, content: Uint8Array | string) => {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
};
const schema = (...inputs: [name: string, shape: number[]][]): ModelSchema => ({
  inputs: inputs.map(([name, shape]) => ({ name, datatype: 'FP32', shape })),
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [1] },
    { name: 'next', datatype: 'FP32', shape: [1] },
  ],
});
const numbers = (tensor: Tensor | undefined) => [
  ...new Float32Array(tensor?.data.slice().buffer ?? new ArrayBuffer()),
];
const floats = (...values: number[]): Tensor => ({
  datatype: 'FP32',
  shape: [values.length],
  data: new Uint8Array(new Float32Array(values).buffer),
});
async function all(set: SampleSet): Promise<Sample[]> {
  return Array.fromAsync(set.samples());
}
const values = async (model: ModelSchema, path: string, options: Partial<SampleOptions> = {}) =>
  (await all(await openSamples(model, { path, ...options }))).map((sample) =>
    Object.fromEntries(Object.entries(sample).map(([name, tensor]) => [name, numbers(tensor)])),
  );

describe('arrays', () => {
  const pair = schema(['x', [1, 2]]);
  const expected = [{ x: [1, 2] }, { x: [3, 4] }];

  test('the same samples from every form', async () => {
    const raw = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
    const two = { 'a.npy': floatsNpy('1, 2', [1, 2]), 'b.npy': floatsNpy('2,', [3, 4]) };
    for (const [name, content] of Object.entries(two)) put(`folder/${name}`, content);
    const paths = [
      put('x.npy', npyFile('<f4', '2, 2', raw)),
      put('x.npz', zipFile({ 'x.npy': npyFile('<f4', '2, 1, 2', raw) }, { method: 8 })),
      put('unnamed.npz', zipFile({ 'arr_0.npy': npyFile('<f4', '2, 2', raw) })),
      put('x.json', '[[1, 2], [3, 4]]'),
      put('named.json', '{"x": [[1, 2], [3, 4]]}'),
      put('list.json', '[{"x": [1, 2]}, {"x": [[3, 4]]}]'),
      put('x.raw', raw),
      join(root, 'folder'),
    ];
    for (const path of paths) expect(await values(pair, path), path).toEqual(expected);
  });

  test('several inputs by name; constants are added to each', async () => {
    const two = schema(['x', [1, 1]], ['z', [1]]);
    const path = put(
      'two.npz',
      zipFile({ 'x.npy': floatsNpy('2, 1', [1, 2]), 'z.npy': floatsNpy('2, 1', [8, 9]) }),
    );
    expect(await values(two, path)).toEqual([
      { x: [1], z: [8] },
      { x: [2], z: [9] },
    ]);
    const constants = { z: floats(5) };
    expect(await values(two, put('one.json', '{"x": [[1], [2]]}'), { constants })).toEqual([
      { x: [1], z: [5] },
      { x: [2], z: [5] },
    ]);
  });

  test.each<[string, number[], number[], number]>([
    ['one dimension more', [1, 2], [3, 1, 2], 3],
    ['an open batch', [-1, 2], [3, 2], 3],
    ['a batch of one', [1, 2], [3, 2], 3],
    ['one sample', [1, 2], [1, 2], 1],
    ['dimensions of one left out', [1, 1, 2, 2], [5, 2, 2], 5],
    ['one sample without its batch', [1, 3, 2, 2], [3, 2, 2], 1],
    ['a batch that is fixed', [2, 3], [2, 3], 1],
    ['numbers for scalars', [], [4], 4],
    ['one flat sample', [1, 2, 3], [6], 1],
    ['an open length', [-1, -1], [4, 7], 4],
  ])('%s: input %j, array %j', (_, shape, arrayShape, count) => {
    const spec: TensorSpec = { name: 'x', datatype: 'UINT8', shape };
    const total = arrayShape.reduce((product, size) => product * size, 1);
    const samples = samplesIn(spec, {
      datatype: 'UINT8',
      shape: arrayShape,
      data: Uint8Array.from({ length: total }, (_, i) => i),
    });
    expect(samples).toHaveLength(count);
    expect(samples.flatMap(({ data: bytes }) => [...bytes])).toEqual(
      Array.from({ length: total }, (_, i) => i),
    );
    for (const sample of samples)
      expect(sample.shape).toEqual(
        shape.map((size, i) => (size !== -1 ? size : i === 0 ? 1 : total / count)),
      );
  });

  test.each([[[1e9, 0]], [[1e20, 0]], [[2e6, 1]]])('an array of %j is no sample without end', (shape) => {
    const [count = 0, width = 0] = shape;
    const data = new Uint8Array(width === 0 ? 0 : count);
    expect(() =>
      samplesIn({ name: 'x', datatype: 'UINT8', shape: [-1, -1] }, { datatype: 'UINT8', shape, data }),
    ).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['an absent path', () => values(pair, join(root, 'nowhere')), 'cannot read'],
    ['an empty folder', () => values(pair, dirname(put('empty/.hidden', ''))), 'holds no samples'],
    [
      'two kinds',
      () => values(pair, ['mixed/a.wav', 'mixed/b.npy'].map((name) => dirname(put(name, '')))[0] ?? ''),
      'give one kind',
    ],
    [
      'another type',
      () => values(pair, put('double.npy', npyFile('<f8', '1, 2', new Uint8Array(16)))),
      'double.npy: input x is FP32, the file holds FP64',
    ],
    ['another shape', () => values(pair, put('three.json', '[[1, 2, 3]]')), 'three.json: input x'],
    ['half an element', () => values(pair, put('half.raw', new Uint8Array(7))), 'no whole number of FP32'],
    ['an unknown name', () => values(pair, put('q.json', '{"q": [1, 2]}')), 'no input q'],
    [
      'a name too few',
      () => values(schema(['x', [1]], ['z', [1]]), put('few.json', '{"x": [[1]]}')),
      'nothing is given for input z',
    ],
    [
      'counts that differ',
      () => values(schema(['x', [1]], ['z', [1]]), put('c.json', '{"x": [[1],[2]], "z": [[1]]}')),
      '2 for x, 1 for z',
    ],
    [
      'no name for several',
      () => values(schema(['x', [1]], ['z', [1]]), put('n.json', '[[1]]')),
      'name them in .npz',
    ],
    ['nothing at all', () => values(pair, put('zero.npy', floatsNpy('0, 2', []))), 'holds no sample'],
  ])('%s is refused', async (_, read, words) => {
    await expect(read()).rejects.toThrow(words);
  });
});

describe('sets', () => {
  const one = schema(['x', [1]]);
  const path = () => put('hundred.json', JSON.stringify(Array.from({ length: 100 }, (_, i) => [i])));

  test('parts share nothing, hold everything, and are the same every time', async () => {
    const set = await openSamples(one, { path: path() });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
        const { calibration, heldOut } = split(set, share);
        expect([...calibration.names, ...heldOut.names].sort()).toEqual([...set.names].sort());
        expect(Math.min(calibration.count, heldOut.count)).toBeGreaterThanOrEqual(1);
        expect(split(set, share).heldOut.names).toEqual(heldOut.names);
      }),
    );
    const { heldOut } = split(set, 0.25);
    expect(heldOut.count).toBe(25);
    const held = (await all(heldOut)).flatMap(({ x }) => numbers(x));
    expect(heldOut.names).toEqual(held.map((value) => `hundred.json[${value}]`));
    expect(() => split(set.pick([0]), 0.5)).toThrow('at least two');
  });

  test('fewer samples are spread evenly', async () => {
    const set = await openSamples(one, { path: path(), count: 4 });
    expect((await all(set)).flatMap(({ x }) => numbers(x))).toEqual([0, 25, 50, 75]);
    expect(set.describe).toBe('4 of 100 samples for x FP32 [1], from hundred.json');
  });

  test('labels: folders by number, by alphabet, or by the names given', async () => {
    for (const [folder, value] of Object.entries({ cat: 1, ant: 2 }))
      put(`named/${folder}/x.npy`, floatsNpy('1,', [value]));
    for (const folder of ['10', '2']) put(`digits/${folder}/x.npy`, floatsNpy('1,', [Number(folder)]));
    const named = await openSamples(one, { path: join(root, 'named') });
    expect([named.labels, named.classNames, named.names]).toEqual([
      [0, 1],
      ['ant', 'cat'],
      ['ant/x.npy[0]', 'cat/x.npy[0]'],
    ]);
    const given = await openSamples(one, { path: join(root, 'named'), classNames: ['cat', 'dog', 'ant'] });
    expect(given.labels).toEqual([2, 0]);
    expect((await openSamples(one, { path: join(root, 'digits') })).labels).toEqual([10, 2]);
    await expect(openSamples(one, { path: join(root, 'named'), classNames: ['cat'] })).rejects.toThrow(
      'ant is no class',
    );
  });

  test('a recurrent model: outputs are the next inputs, forgotten where a file begins', async () => {
    put('steps/a.json', '[[1], [2], [3]]');
    put('steps/b.json', '[[10], [20]]');
    const model = schema(['x', [1]], ['sum', [-1]]);
    let runs = 0;
    const run = async ({ x, sum }: Sample) => {
      runs++;
      return { y: floats(0), next: floats((numbers(x)[0] ?? 0) + (numbers(sum)[0] ?? 0)) };
    };
    const set = await openSamples(model, {
      path: join(root, 'steps'),
      carry: { outputs: { sum: 'next' }, run },
    });
    const sums = async (part: SampleSet) => (await all(part)).flatMap(({ sum }) => numbers(sum));
    expect(await sums(set.pick([2, 4]))).toEqual([3, 10]);
    expect(await sums(set)).toEqual([0, 1, 3, 0, 10]);
    expect(runs).toBe(3);
    const wrong = { path: join(root, 'steps'), carry: { outputs: { sum: 'nothing' }, run } };
    await expect(openSamples(model, wrong)).rejects.toThrow('no output nothing');
  });
});

describe('pictures and sound', () => {
  test('what the schema leaves open must be given', async () => {
    const folder = dirname(put('pictures/a.png', 'no picture'));
    const open = (shape: number[], options: Partial<SampleOptions> = {}) =>
      openSamples(schema(['x', shape]), { path: folder, ...options });
    await expect(open([1, 3, -1, -1])).rejects.toThrow('give their size');
    await expect(open([1, 7])).rejects.toThrow('takes no picture');
    const set = await open([-1, -1, -1, 3], {
      image: { size: { width: 8, height: 4 }, mean: [1, 2, 3], scale: [2] },
    });
    expect(set.describe).toBe(
      '1 picture for x FP32 [?,?,?,3]: as 8x4 RGB, stretched where of another shape (antialiased), mean 1,2,3, scale 2',
    );
    await expect(all(set)).rejects.toThrow(/a\.png: the file is neither JPEG nor PNG/);
    const wav = put('sound.wav', 'no sound');
    await expect(openSamples(schema(['x', [1, -1]]), { path: wav })).rejects.toThrow(
      'say which with --window',
    );
    await expect(openSamples(schema(['x', [1, 64]]), { path: wav })).rejects.toThrow(
      'sound.wav: the WAV file is damaged',
    );
  });

  test.skipIf(!existsSync(data))(
    'speech with its state carried, photographs (skipped without ../shared/data)',
    async () => {
      const execution = createExecution();
      const vad = await execution.load(readFileSync(join(data, 'models', 'silero-vad-16k.onnx')));
      const speech = await openSamples(
        {
          inputs: [
            { name: 'input', datatype: 'FP32', shape: [-1, -1] },
            { name: 'state', datatype: 'FP32', shape: [2, -1, 128] },
            { name: 'sr', datatype: 'INT64', shape: [] },
          ],
          outputs: [{ name: 'stateN', datatype: 'FP32', shape: [-1, -1, -1] }],
        },
        {
          path: join(data, 'audio', 'speech-16k.wav'),
          constants: {
            sr: { datatype: 'INT64', shape: [], data: new Uint8Array(BigInt64Array.of(16_000n).buffer) },
          },
          audio: { windowSamples: 512, contextSamples: 64 },
          carry: { outputs: { state: 'stateN' }, run: (inputs) => vad.run(inputs) },
        },
      );
      expect(speech.count).toBe(1875);
      expect(speech.describe).toBe(
        '1875 windows of sound for input FP32 [?,?]: 64 samples of context and 512 more, every 512, at 16000 Hz, from speech-16k.wav; sr is the same in all; state is stateN of the run before',
      );
      expect((await all(speech.pick([0])))[0]?.input?.shape).toEqual([1, 576]);
      const probabilities = [];
      for await (const sample of speech.pick([...Array(60).keys()]).samples())
        probabilities.push(...numbers((await vad.run(sample)).output));
      expect(Math.max(...probabilities)).toBeGreaterThan(0.9);
      execution.close();
      const photographs = await openSamples(schema(['x', [1, 3, 240, 320]]), {
        path: join(data, 'images'),
        count: 2,
      });
      const [first] = await all(photographs);
      expect(first?.x?.shape).toEqual([1, 3, 240, 320]);
      expect(numbers(first?.x).every((value) => value >= 0 && value <= 1)).toBe(true);
    },
  );
});
