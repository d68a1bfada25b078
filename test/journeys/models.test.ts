import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConstant, elementsOf, readModel, writeModel } from '@covey/onnx';
import { preprocessImage } from '@covey/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawDigit, drawnDigits } from './digits.ts';
import { type Face, faceCounts, facesIn, photographForm } from './faces.ts';
import { covey, dataFolder, hasData, isLong, readData, startTestFleet, type TestFleet } from './harness.ts';
import { alone, onDevice, type Run } from './inference.ts';
import { loudness, speechProbabilities, speechWindows } from './speech.ts';

interface Pushed {
  model: string;
  number: number;
  digest: string;
  hasGolden: boolean;
}

/** Between two questions: enough come in a soak, and the processors are left to the journey. */
const pauseMs = 20;
const modelPath = (name: string) => join(dataFolder, 'models', `${name}.onnx`);

async function findFaces(run: Run, photograph: Float32Array): Promise<Face[]> {
  const { scores, boxes } = await run({ input: { shape: [1, 3, 240, 320], data: photograph } });
  if (!scores || !boxes) throw new Error('the detector gave no scores and boxes');
  return facesIn(scores, boxes);
}

async function classify(run: Run, digit: number): Promise<Float32Array> {
  const { Plus214_Output_0: scores } = await run({
    Input3: { shape: [1, 1, 28, 28], data: drawDigit(digit) },
  });
  if (!scores) throw new Error('the classifier gave no scores');
  return scores;
}

describe.skipIf(!hasData)("one's own models (skipped where ../shared/data is absent)", () => {
  let fleet: TestFleet;
  let deviceUrl: string;

  beforeAll(async () => {
    fleet = await startTestFleet(1);
    deviceUrl = fleet.agents[0]?.ready.inferenceUrl ?? '';
  });
  afterAll(() => fleet?.stop());

  const push = (path: string, ...args: string[]) =>
    covey(['model', 'push', path, '--data', fleet.data, ...args]);
  const pushed = (name: string, ...args: string[]) =>
    fleet.json<Pushed>('model', 'push', modelPath(name), ...args);
  const infer = (model: string, ...args: string[]) => covey(['infer', model, '--device', deviceUrl, ...args]);
  const file = (name: string, bytes: Uint8Array | string) => {
    const path = join(fleet.data, name);
    writeFileSync(path, bytes);
    return path;
  };

  /** `covey rollout start --wait`; `ask` is called over and over meanwhile. Its exit code, with all it said. */
  async function rollOut(target: string, ask?: () => Promise<unknown>): Promise<[number | null, string]> {
    let outcome: [number | null, string] | undefined;
    const args = ['rollout', 'start', target, '--samples', '5', '--soak', ask ? '20s' : '1s', '--wait'];
    const ended = covey([...args, '--data', fleet.data]).then(({ code, stdout, stderr }) => {
      outcome = [code, stdout + stderr];
    });
    // A request that fails meanwhile fails the test: moving between versions costs callers nothing.
    while (ask && !outcome) {
      await ask();
      await sleep(pauseMs);
    }
    await ended;
    return outcome ?? [null, ''];
  }

  test('the face detector finds the faces on the photographs, as ONNX Runtime alone does', async () => {
    await pushed('face-rfb-320', '--name', 'faces', '--version', '1.0.0');
    const { code, stdout } = await covey([
      ...['rollout', 'start', 'faces@1.0.0', '--dry-run', '--data', fleet.data],
    ]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/faces@1\.0\.0 brings .* to 1 device/)]);
    expect(stdout).toMatch(/fp32\.onnx: compressed, of 1\.21 MiB +\d+ KiB/);
    expect(await rollOut('faces@1.0.0')).toEqual([0, expect.stringContaining('succeeded')]);
    const device = onDevice(deviceUrl, 'faces');
    const direct = await alone(modelPath('face-rfb-320'));
    expect(readdirSync(join(dataFolder, 'images')).sort()).toEqual(Object.keys(faceCounts).sort());
    for (const [photograph, [least, most]] of Object.entries(faceCounts)) {
      const { data } = await preprocessImage(readData('images', photograph), photographForm);
      const tensor = new Float32Array(data.slice().buffer);
      const faces = await findFaces(device, tensor);
      expect(faces.length, photograph).toBeGreaterThanOrEqual(least);
      expect(faces.length, photograph).toBeLessThanOrEqual(most);
      expect(faces).toEqual(await findFaces(direct.run, tensor));
    }
    await direct.release();
  });

  test('a photograph goes in and faces come out, by the serving file that the README shows', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../packages/runtime/README.md'), 'utf8');
    const shown = [...readme.matchAll(/```json\n(.*?)```/gs)].map(([, block = '']) => block);
    const serving = shown.find((block) => block.includes('"covey-serving/1"')) ?? '';
    await pushed(
      'face-rfb-320',
      ...['--name', 'people', '--version', '1.0.0'],
      ...['--serving', file('serving.json', serving)],
    );
    expect(await rollOut('people@1.0.0')).toEqual([0, expect.stringContaining('succeeded')]);
    for (const photograph of ['faces-13.jpg', 'faces-20.jpg', 'faces-5.jpg']) {
      const body = readData('images', photograph);
      const response = await fetch(`${deviceUrl}/predictions/people`, { method: 'PUT', body });
      const { faces, certainty } = (await response.json()) as { faces: number[][]; certainty: number[] };
      expect(faces.length).toBe(faceCounts[photograph]?.[0]);
      expect(certainty).toEqual(certainty.toSorted((a, b) => b - a));
      for (const [left = 1, top = 1, right = 0, bottom = 0] of faces) {
        expect([left < right, top < bottom]).toEqual([true, true]);
      }
    }
  });

  test('the recurrent voice detector hears speech, its state carried by the caller', async () => {
    const windows = speechWindows(readData('audio', 'speech-16k.wav'), 300);
    const detector = ['silero-vad-16k', '--name', 'voice'] as const;
    const version1 = await push(modelPath('silero-vad-16k'), '--name', 'voice', '--version', '1.0.0');
    expect(version1.code, version1.stderr).toBe(0);
    expect(version1.stderr).toContain('no golden vectors: the model refuses random inputs');
    expect(version1.stdout).toContain('without golden vectors');
    expect(await rollOut('voice@1.0.0')).toEqual([0, expect.stringContaining('succeeded')]);

    const device = onDevice(deviceUrl, 'voice');
    const direct = await alone(modelPath('silero-vad-16k'));
    const probabilities = await speechProbabilities(device, windows);
    expect(probabilities).toEqual(await speechProbabilities(direct.run, windows));
    await direct.release();
    const meanLoudness = (chosen: (probability: number) => boolean) => {
      const heard = windows.filter((_, i) => chosen(probabilities[i] ?? Number.NaN)).map(loudness);
      expect(heard.length).toBeGreaterThan(30);
      return heard.reduce((sum, value) => sum + value, 0) / heard.length;
    };
    expect(meanLoudness((p) => p > 0.5)).toBeGreaterThan(5 * meanLoudness((p) => p < 0.1));

    const sample = file('window.raw', new Uint8Array(windows[20]?.slice().buffer ?? []));
    const samples = ['--sample', `input=@${sample}`, '--sample', 'sr=16000'];
    expect(await pushed(...detector, '--version', '1.1.0', ...samples)).toMatchObject({ hasGolden: true });
    const outcome = await rollOut('voice@1.1.0', () => speechProbabilities(device, windows.slice(0, 5)));
    expect(outcome).toEqual([0, expect.stringMatching(/ proven .* 100\.0 % of/)]);
  });

  test('digits: the next version is moved to, taken back or left waiting, on evidence', async () => {
    await pushed('mnist', '--version', '1.0.0');
    expect(await rollOut('mnist@1.0.0')).toEqual([0, expect.stringContaining('succeeded')]);
    const device = onDevice(deviceUrl, 'mnist');
    const direct = await alone(modelPath('mnist'));
    for (const digit of drawnDigits) {
      const scores = await classify(device, digit);
      expect(scores).toEqual(await classify(direct.run, digit));
      expect(scores.indexOf(Math.max(...scores))).toBe(digit);
    }
    await direct.release();

    const askAll = () => Promise.all(drawnDigits.map((digit) => classify(device, digit)));
    await pushed('mnist', '--version', '1.1.0', '--description', 'the same, for another number');
    expect(await rollOut('mnist@1.1.0', askAll)).toEqual([
      0,
      expect.stringMatching(/ proven .* 100\.0 % of/),
    ]);

    const broken = readModel(readData('models', 'mnist.onnx'));
    const bias = broken.graph.initializers.get('Parameter194');
    if (!bias) throw new Error('the bias of the last layer is there');
    const shifted = Float32Array.from(elementsOf(bias) as Float32Array).fill(100_000, 3, 4);
    broken.graph.initializers.set(bias.name, createConstant(bias.name, bias.elementType, bias.dims, shifted));
    const onlyThrees = file('only-threes.onnx', writeModel(broken));
    await fleet.json('model', 'push', onlyThrees, '--name', 'mnist', '--version', '1.2.0');
    expect(await rollOut('mnist@1.2.0', askAll)).toEqual([3, expect.stringContaining('reverted')]);
    expect((await infer('mnist', '--input', `Input3=${drawDigit(4).join()}`)).stdout).toContain(
      'mnist@1.1.0',
    );

    await pushed('mnist', '--version', '1.3.0', '--description', 'nobody asks it anything');
    expect(await rollOut('mnist@1.3.0')).toEqual([4, expect.stringContaining('paused')]);
  });

  test.runIf(isLong)('light_squeezenet is run for golden vectors, and a device proves them', async () => {
    const name = 'light_squeezenet';
    expect(await pushed(name, '--version', '1.0.0')).toMatchObject({ model: name, hasGolden: true });
    expect(await rollOut(`${name}@1.0.0`)).toEqual([0, expect.stringContaining('succeeded')]);
  });

  test('pushing again: the same files are fine, others are refused', async () => {
    const again = ['--version', '1.0.0', '--name', 'again'];
    const first = await pushed('mnist', ...again);
    expect(await pushed('mnist', ...again)).toEqual(first);
    const other = await push(modelPath('light_squeezenet'), ...again);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /again@1\.0\.0 is published already .* differs in variant fp32.*CONFLICT/s,
      ),
    });
    const described = await push(modelPath('mnist'), ...again, '--description', 'new');
    expect(described.code).toBe(1);
    expect(described.stderr).toContain('differs in the description');
    const unlike = await push(modelPath('silero-vad-16k'), '--version', '2.0.0', '--name', 'again');
    expect(unlike.stderr).toContain('whoever calls again has to change');
  });

  test('what cannot be served is not published, and the error names the fault', async () => {
    const mnist = readData('models', 'mnist.onnx');
    const elsewhere = readModel(mnist);
    for (const weight of elsewhere.graph.initializers.values())
      weight.data = { kind: 'external', location: 'weights.bin', offsetBytes: 0, entries: new Map() };
    const files: [path: string, code: string, words: string][] = [
      [
        modelPath('iris-random-forest'),
        'MODEL_UNSUPPORTED',
        '"output_probability" is a sequence, not a tensor',
      ],
      [file('text.onnx', 'weights: 1, 2, 3\n'), 'MODEL_INVALID', 'text.onnx: not an ONNX file'],
      [file('empty.onnx', ''), 'MODEL_INVALID', 'empty.onnx: the ONNX file is empty'],
      [file('cut.onnx', mnist.subarray(0, 9_000)), 'MODEL_INVALID', 'cut.onnx: the ONNX file is truncated'],
      [file('external.onnx', writeModel(elsewhere)), 'MODEL_UNSUPPORTED', 'lies in another file'],
      [join(fleet.data, 'absent.onnx'), 'NOT_FOUND', 'absent.onnx'],
    ];
    const outcomes = await Promise.all(
      files.map(([path]) => push(path, '--name', 'refused', '--version', '1.0.0', '--json')),
    );
    for (const [i, [path, code, words]] of files.entries()) {
      const outcome = outcomes[i] ?? { code: null, stdout: '' };
      expect(outcome.code, path).toBe(1);
      expect(JSON.parse(outcome.stdout)).toMatchObject({
        error: { code, message: expect.stringContaining(words) },
      });
    }
    const { models } = await fleet.json<{ models: { name: string }[] }>('model', 'list');
    expect(models.map(({ name }) => name)).not.toContain('refused');
  });

  test('arguments that do not fit the model are refused before anything is published', async () => {
    const refusals: [args: string[], words: string][] = [
      [['--sample', 'x=1'], 'the model has no input x; its inputs are Input3'],
      [['--sample', 'Input3=1,2,3'], 'input Input3: 3 elements do not fill [1,1,28,28]'],
      [
        ['--variant', `int8-qdq=${modelPath('light_squeezenet')}`],
        'variant int8-qdq has other inputs or outputs',
      ],
      [['--classes', 'zero,one'], '--classes has 2 names, output Plus214_Output_0 has the shape [1,10]'],
      [['--version', '1'], '--version ("1"): a semantic version'],
      [['--name', 'My Model'], '--name ("My Model"): lower-case letters'],
    ];
    const outcomes = await Promise.all(
      refusals.map(([args]) => push(modelPath('mnist'), '--name', 'refused', '--version', '1.0.0', ...args)),
    );
    for (const [i, [, words]] of refusals.entries()) {
      expect(outcomes[i]?.code, words).toBeGreaterThan(0);
      expect(outcomes[i]?.stderr).toContain(words);
    }
  });

  test('covey infer takes numbers, JSON and NumPy files, and says what is wrong with others', async () => {
    const digit = drawDigit(7);
    const rows = Array.from({ length: 28 }, (_, y) => [...digit.subarray(y * 28, y * 28 + 28)]);
    const sources = [
      [...digit].join(),
      `@${file('7.json', JSON.stringify(rows))}`,
      `@${file('7.npy', npy(digit))}`,
    ];
    const expected = await classify(onDevice(deviceUrl, 'mnist'), 7);
    for (const source of sources) {
      const { code, stdout } = await infer('mnist', '--input', `Input3=${source}`, '--json');
      expect(code, stdout).toBe(0);
      const { outputs } = JSON.parse(stdout) as { outputs: { data: number[] }[] };
      expect(Float32Array.from(outputs[0]?.data ?? [])).toEqual(expected);
    }
    const refusals: [model: string, args: string[], code: number, words: string][] = [
      ['nobody', [], 1, 'MODEL_UNKNOWN'],
      ['mnist', ['--version', '9.9.9', '--input', 'Input3=1'], 1, 'MODEL_UNKNOWN'],
      ['mnist', ['--input', 'Input3=1,2,3'], 2, '3 elements do not fill [1,1,28,28]'],
      ['mnist', ['--input', 'pixels=1'], 2, 'mnist has no input pixels; its inputs are Input3'],
      ['mnist', [], 2, 'give --input Input3=...: FP32 [1,1,28,28]'],
      ['mnist', ['--device', 'edge-1'], 2, '--device "edge-1" is no address'],
    ];
    const outcomes = await Promise.all(refusals.map(([model, args]) => infer(model, ...args)));
    for (const [i, [, , code, words]] of refusals.entries()) {
      expect(outcomes[i]).toMatchObject({ code, stderr: expect.stringContaining(words) });
    }
  });
});

/** A 28 x 28 picture as numpy.save writes it (numpy.lib.format, version 1.0). */
function npy(pixels: Float32Array): Uint8Array {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }".padEnd(117).concat('\n');
  const length = Buffer.from([header.length & 255, header.length >> 8]);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(header),
    new Uint8Array(pixels.buffer),
  ]);
}
