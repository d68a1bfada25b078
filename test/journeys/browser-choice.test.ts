import type { Tensor } from '@covey/protocol';
import { preprocessImage } from '@covey/runtime';
import { describe, expect, test } from 'vitest';
import { addModel, floats, goldenOf } from './browser-models.ts';
import { type Answer, type Choice, four, PageOfTests, type Seen } from './browser-page.ts';
import { noChromium } from './chromium.ts';
import { drawDigit } from './digits.ts';
import { photographForm } from './faces.ts';
import { hasData, isLong, readData } from './harness.ts';

/** What is asked here holds of a choice by few measurements, too. */
const briefly = { choiceLimitMs: 1_000 };

describe.skipIf(noChromium !== '')(`the choice of a variant in a page of Chromium${noChromium}`, () => {
  const page = new PageOfTests();

  test.skipIf(!hasData)('public models answer as they do in Node, and the fastest way is found', async () => {
    const digit = drawDigit(7);
    const cases: [name: string, file: string, input: string, tensor: Tensor][] = [
      ['digits', 'mnist.onnx', 'Input3', floats([1, 1, 28, 28], digit)],
    ];
    // WebGPU in software takes long over pictures.
    if (isLong) {
      const photograph = await preprocessImage(readData('images', 'faces-2.jpg'), photographForm);
      cases.push(['faces', 'face-rfb-320.onnx', 'input', photograph]);
    }
    for (const [name, file, input, tensor] of cases) {
      const bytes = readData('models', file);
      const { outputs, golden } = await goldenOf(bytes, { [input]: tensor });
      const model = {
        name,
        variants: [{ name: 'fp32', ...page.site.put(file, bytes) }],
        golden: page.site.put(`${name}.golden`, golden),
      };
      const choices = await page.open([model], { choiceLimitMs: 2_000 });
      expect(choices, name).toContainEqual(
        expect.objectContaining({ chosen: true, provider: 'cpu', ok: true }),
      );
      const values = [...new Float32Array(tensor.data.slice().buffer)];
      const answer = await page.infer(name, { [input]: { values, shape: tensor.shape } });
      for (const [output, { data }] of Object.entries(outputs)) {
        const expected = new Float32Array(data.slice().buffer);
        const worst = Math.max(
          ...expected.map((value, i) => Math.abs(value - (answer.outputs[output]?.[i] ?? NaN))),
        );
        // Sums in another order: what that changes is a share of the numbers, which are thousands for digits.
        expect(worst / Math.max(...expected.map(Math.abs)), `${name} ${output}`).toBeLessThan(1e-5);
      }
      await page.ask('close');
    }
  });

  test('every variant is checked and timed on every provider; what is wrong is not chosen', async () => {
    const right = await page.measured(1);
    const wrong = { name: 'int8', ...page.site.put('wrong.onnx', addModel(1.5)) };
    const choices = await page.open([{ ...right, variants: [wrong, ...right.variants] }], {
      choiceLimitMs: 60_000,
    });
    const of = (variant: string, provider: string) =>
      choices.filter((one) => one.variant === variant && one.provider === provider);
    expect(of('int8', 'cpu').length).toBeGreaterThan(0);
    for (const choice of choices.filter(({ variant }) => variant === 'int8')) {
      expect(choice).toMatchObject({ ok: false, chosen: false });
      expect(choice.reason).toMatch(/^GOLDEN_MISMATCH: output y/);
    }
    expect(of('fp32', 'cpu')[0]).toMatchObject({ ok: true, maxError: 0 });
    const hasAdapter = (await page.ask<string | null>('adapter')) !== null;
    expect(hasAdapter, 'the software adapter of Chromium').toBe(true);
    expect(of('fp32', 'webgpu')).toMatchObject([{ ok: true, maxError: 0 }]);
    expect(choices.filter(({ chosen }) => chosen)).toMatchObject([{ variant: 'fp32' }]);
    expect((await page.infer('add', four)).outputs).toEqual({ y: [2, 3, 4, 5] });
  });

  test('the choice is remembered, and made again when the browser shows other hardware', async () => {
    const model = await page.measured(2);
    const reasonOf = (choices: Choice[]) => choices.find(({ chosen }) => chosen)?.reason ?? '';
    const first = await page.open([model], briefly);
    expect(reasonOf(first)).toMatch(/^fp32 on /);
    await page.ask('close');
    const second = await page.open([model]);
    expect(reasonOf(second)).toBe(`measured before on this hardware, right again: ${reasonOf(first)}`);
    const { tab, ask: askAlone } = await page.another('?alone');
    const third = await askAlone<Choice[]>('open', [model], briefly);
    expect(reasonOf(third)).toMatch(/^fp32 on /);
    // Without isolation there are no threads, and no shared memory.
    expect(await askAlone<Seen>('seen')).toMatchObject({ isIsolated: false });
    expect(new Set(third.map(({ threads }) => threads))).toEqual(new Set([1]));
    expect((await askAlone<Answer>('ask', 'add', four)).outputs).toEqual({ y: [3, 4, 5, 6] });
    await tab.close();
  });

  test('strict, WebGPU is not chosen where it would leave work to the CPU', async () => {
    const model = addModel(1, true);
    const { golden } = await goldenOf(model, { x: floats([1, 4], [1, 2, 3, 4]) });
    const quantized = {
      name: 'add',
      variants: [{ name: 'int8-qdq', ...page.site.put('quantized.onnx', model) }],
      golden: page.site.put('quantized.golden', golden),
      strict: true,
    };
    const choices = await page.open([quantized], { choiceLimitMs: 60_000 });
    const webgpu = choices.find(({ provider }) => provider === 'webgpu');
    expect(webgpu).toMatchObject({ ok: false, chosen: false });
    expect(webgpu?.reason).toMatch(/^MODEL_UNSUPPORTED: .*CPU/);
    expect(choices.find(({ chosen }) => chosen)).toMatchObject({ provider: 'cpu', ok: true });
  });

  test('a provider that is named and does not start is stood in for, with the reason; not where it is strict', async () => {
    const model = { ...page.adding(4), provider: 'webgpu' };
    expect(await page.open([model])).toEqual([]);
    expect((await page.infer('add', four)).outputs).toEqual({ y: [5, 6, 7, 8] });
    expect((await page.seen()).warnings.filter(({ message }) => message.includes('webgpu'))).toEqual([]);
    await page.ask('close');
    await page.open([model], { assetsUrl: '/cpu-only/' });
    expect((await page.infer('add', four)).outputs).toEqual({ y: [5, 6, 7, 8] });
    expect((await page.seen()).warnings).toContainEqual(
      expect.objectContaining({
        message: expect.stringMatching(
          /^the model runs on the CPU instead of webgpu: ONNX Runtime does not start/,
        ),
      }),
    );
    const strict = { ...model, strict: true };
    expect(await page.open([strict], { assetsUrl: '/cpu-only/' })).toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('what nothing runs rightly is refused in words, and nothing stays behind', async () => {
    const model = await page.measured(3);
    const wrong = [{ name: 'fp32', ...page.site.put('wrong.onnx', addModel(1.5)) }];
    expect(await page.open([{ ...model, variants: wrong }])).toMatchObject({
      code: 'BUNDLE_INCOMPATIBLE',
      message: expect.stringMatching(/no variant of add 3\.0\.0 is right here: fp32 on cpu: GOLDEN_MISMATCH/),
    });
    const garbage = page.site.put('garbage.onnx', new TextEncoder().encode('this is no model'));
    expect(await page.open([{ name: 'add', variants: [{ name: 'fp32', ...garbage }] }])).toMatchObject({
      code: 'MODEL_INVALID',
    });
    const absent = { name: 'fp32', url: '/models/absent.onnx' };
    expect(await page.open([{ name: 'add', variants: [absent] }])).toMatchObject({ code: 'NOT_FOUND' });
    const other = { ...garbage, sha256: 'a'.repeat(64), name: 'fp32' };
    expect(await page.open([{ name: 'add', variants: [other] }])).toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect(await page.open([{ name: 'NOT A NAME', variants: [other] }])).toMatchObject({
      code: 'INVALID_DOCUMENT',
    });
    expect(await page.open([model], { workerUrl: '/nowhere.js' })).toMatchObject({ code: 'RUNTIME_DIED' });
    expect(await page.open([model], { assetsUrl: '/nowhere/' })).toMatchObject({ code: 'UNSUPPORTED' });
    await expect.poll(() => page.tab.workers().length).toBe(0);
    // What afterEach closes.
    await page.open([model], briefly);
    expect(await page.infer('add', { x: { values: [1, 2], shape: [1, 2] } })).toMatchObject({
      code: 'INPUT_INVALID',
    });
    expect(await page.infer('sub', four)).toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
});
