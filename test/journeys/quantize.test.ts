import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type EvaluationReport, parseGolden, type Tensor } from '@covey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawDigit, drawnDigits } from './digits.ts';
import { facesIn } from './faces.ts';
import {
  covey,
  coveyJson,
  dataFolder,
  hasData,
  main,
  startTestFleet,
  type TestFleet,
  temporaryFolder,
} from './harness.ts';
import { onDevice } from './inference.ts';

interface Quantized {
  folder: string;
  variants: string[];
  report: EvaluationReport;
}

const modelPath = (name: string) => join(dataFolder, 'models', `${name}.onnx`);
const faces = [modelPath('face-rfb-320'), '--samples', join(dataFolder, 'images')];
const faceOptions = ['--image-mean', '127', '--image-scale', '128'];

const stepsIn = (folder: string) => {
  const work = join(folder, '.work');
  return existsSync(work) ? readdirSync(work).filter((name) => name.endsWith('.step')) : [];
};

/** `covey model quantize` in a folder of its own; killed, where that is asked for, when its first step is done. */
function quantize(folder: string, args: string[], isKilled = false) {
  return new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [main, 'model', 'quantize', ...args, '--out', folder]);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    const looking = setInterval(() => {
      if (isKilled && stepsIn(folder).length > 0) child.kill('SIGKILL');
    }, 5);
    child.stdout.resume();
    child.once('exit', (code, signal) => {
      clearInterval(looking);
      resolve({ code, signal, stderr });
    });
  });
}

describe.skipIf(!hasData)('covey model quantize (skipped where ../shared/data is absent)', () => {
  const folder = temporaryFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const digitsFolder = () => {
    const path = join(folder, 'digits');
    mkdirSync(path, { recursive: true });
    for (const digit of drawnDigits)
      writeFileSync(join(path, `${digit}.json`), JSON.stringify([...drawDigit(digit)]));
    return path;
  };

  describe('the face detector', () => {
    const out = join(folder, 'faces-quantized');
    let quantized: Quantized;
    let fleet: TestFleet;
    let deviceUrl: string;
    beforeAll(async () => {
      quantized = await coveyJson<Quantized>([
        'model',
        'quantize',
        ...faces,
        ...faceOptions,
        '--budget',
        'relative-error=0.01',
        '--variants',
        'int8-qdq',
        // Each is a golden vector of 1.3 MB, which the controller encodes and the device decodes.
        '--held-out',
        '1',
        '--out',
        out,
      ]);
    });
    beforeAll(async () => {
      fleet = await startTestFleet(1);
      deviceUrl = fleet.agents[0]?.ready.inferenceUrl ?? '';
    });
    afterAll(() => fleet?.stop());

    test('is quantized within the budget to less than half of its size', () => {
      const { variants, report } = quantized;
      expect(variants).toEqual(expect.arrayContaining(['fp32', 'int8-qdq']));
      const int8 = report.variants.find(({ name }) => name === 'int8-qdq');
      expect(int8).toMatchObject({ verdict: 'kept' });
      expect(int8?.sizeBytes ?? 0).toBeLessThan(0.45 * report.original.sizeBytes);
      expect(int8?.errors.scores?.relativeError).toBeLessThan(0.01);
      expect(report.samples.heldOut).toBe(1);
    });

    test('is pushed, proven by a device, and finds the faces there', async () => {
      const pushed = await fleet.json<{ model: string; hasGolden: boolean }>(
        'model',
        'push',
        out,
        '--version',
        '1.0.0',
      );
      expect(pushed).toMatchObject({ model: 'faces', hasGolden: true });
      const shown = await covey(['model', 'show', 'faces@1.0.0', '--data', fleet.data]);
      expect(shown.stdout).toMatch(/int8-qdq +\d+ KiB/);
      expect(shown.stdout).toContain('on 1 held-out sample');

      const swapped = join(folder, 'swapped');
      cpSync(out, swapped, { recursive: true });
      copyFileSync(join(out, 'fp32.onnx'), join(swapped, 'int8-qdq.onnx'));
      const refused = await covey(['model', 'push', swapped, '--version', '1.0.1', '--data', fleet.data]);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('DATA_CORRUPT') });

      const rollout = ['rollout', 'start', 'faces@1.0.0', '--samples', '5', '--soak', '1s', '--wait'];
      const { code, stdout, stderr } = await covey([...rollout, '--data', fleet.data]);
      expect(code, stdout + stderr).toBe(0);
      const floats = (tensor?: Tensor) => new Float32Array(tensor?.data.slice().buffer ?? new ArrayBuffer());
      for (const { inputs, outputs } of parseGolden(readFileSync(join(out, 'golden.bin')))) {
        const answer = await onDevice(
          deviceUrl,
          'faces',
        )({ input: { shape: [1, 3, 240, 320], data: floats(inputs.input) } });
        const found = facesIn(answer.scores ?? floats(), answer.boxes ?? floats());
        const expected = facesIn(floats(outputs.scores), floats(outputs.boxes));
        expect(expected.length).toBeGreaterThan(0);
        // In a crowd a face or two lie at the threshold.
        expect(Math.abs(found.length - expected.length)).toBeLessThanOrEqual(expected.length / 10);
      }
    });
  });

  test('digits: every variant within the budget decides as fp32 does', async () => {
    const { report } = await coveyJson<Quantized>([
      'model',
      'quantize',
      modelPath('mnist'),
      '--samples',
      digitsFolder(),
      '--classes',
      drawnDigits.length === 10 ? drawnDigits.join() : '0,1,2,3,4,5,6,7,8,9',
      '--budget',
      'top-1=1',
      '--out',
      join(folder, 'mnist'),
    ]);
    const kept = report.variants.filter(({ verdict }) => verdict === 'kept');
    expect(kept.map(({ name }) => name)).toContain('int8-qdq');
    for (const { errors } of kept)
      for (const { topAgreement } of Object.values(errors)) expect(topAgreement).toBe(1);
    const [float] = kept;
    for (const { name, latencyMs, slowerHere } of kept)
      expect(slowerHere, name).toBe((latencyMs?.lower ?? 0) > (float?.latencyMs?.upper ?? 0));
  });

  test('killed in the middle it goes on where it was, and comes to the same', async () => {
    const some = ['--variants', 'int8-qdq', '--budget', 'relative-error=0.01'];
    const args = [modelPath('mnist'), '--samples', digitsFolder(), ...some];
    const [killed, whole] = [join(folder, 'killed'), join(folder, 'whole')];
    const first = await quantize(killed, args, true);
    expect(first).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(existsSync(join(killed, 'variants.json'))).toBe(false);
    expect(stepsIn(killed).length).toBeGreaterThan(0);

    const second = await quantize(killed, args);
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(await quantize(whole, args)).toMatchObject({ code: 0 });
    const digests = (path: string) =>
      (
        JSON.parse(readFileSync(join(path, 'variants.json'), 'utf8')) as {
          variants: { name: string; sha256: string }[];
        }
      ).variants.filter(({ name }) => !name.endsWith('-fast'));
    expect(digests(killed)).toEqual(digests(whole));
    // What is done needs no steps to go on from.
    expect(existsSync(join(killed, '.work'))).toBe(false);
  });

  test('a budget that nothing keeps refuses every variant, with the reason and exit code 1', async () => {
    const args = ['model', 'quantize', modelPath('mnist'), '--samples', digitsFolder(), '--json'];
    const impossible = ['--budget', 'relative-error=0.0000001', '--variants', 'int8-qdq,int4-weight'];
    const { code, stdout } = await covey([...args, ...impossible, '--out', join(folder, 'refused')]);
    expect(code).toBe(1);
    const { variants, report } = JSON.parse(stdout) as Quantized;
    expect(variants).toEqual(['fp32']);
    for (const { reason } of report.variants.filter(({ verdict }) => verdict === 'refused'))
      expect(reason).toMatch(/relative error .* is above 1e-7|quantizes nothing/);
  });

  test("what cannot be done is refused before anything is written, and others' files are left alone", async () => {
    const foreign = join(folder, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'fp32.onnx'), 'mine');
    const samples = ['--samples', digitsFolder()];
    const refusals: [args: string[], words: string][] = [
      [[modelPath('mnist'), ...samples, '--out', foreign], 'holds other files'],
      [[modelPath('mnist'), ...samples, '--variants', 'int2'], '"int2" is none of int8-qdq'],
      [[modelPath('mnist'), '--samples', join(folder, 'nowhere')], 'nowhere'],
      [[join(folder, 'absent.onnx'), ...samples], 'absent.onnx'],
    ];
    for (const [args, words] of refusals) {
      const out = args.includes('--out') ? [] : ['--out', join(folder, 'never')];
      const { code, stderr } = await covey(['model', 'quantize', ...args, ...out]);
      expect(code, words).toBeGreaterThan(0);
      expect(stderr).toContain(words);
    }
    expect(readdirSync(foreign)).toEqual(['fp32.onnx']);
  });

  test('compare says what quantization changed, in the file and on samples', async () => {
    const variant = join(folder, 'mnist', 'int8-qdq.onnx');
    const args = ['model', 'compare', modelPath('mnist'), variant, '--samples', digitsFolder()];
    const { code, stdout, stderr } = await covey(args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/nodes: \d+ the same/);
    expect(stdout).toMatch(/Plus214_Output_0 .*100\.0 %/);
    const same = await coveyJson<{ nodes: { changed: unknown[]; added: unknown[] } }>([
      'model',
      'compare',
      variant,
      variant,
    ]);
    expect(same.nodes).toMatchObject({ changed: [], added: [] });
  });
});
