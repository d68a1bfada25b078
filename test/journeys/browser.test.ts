import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { preprocessImage } from '@covey/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { addModel, floats, goldenOf, pictureModel, slowModel, smallPng } from './browser-models.ts';
import { type Ask, type Browser, noChromium, openPage, startChromium } from './chromium.ts';
import { drawDigit } from './digits.ts';
import { photographForm } from './faces.ts';
import { hasData, readData } from './harness.ts';
import { openSite, type Site } from './site.ts';

interface Choice {
  variant: string;
  provider: string;
  threads: number;
  ok: boolean;
  reason: string;
  maxError: number | null;
  latencyMs: number | null;
  chosen: boolean;
}
interface Answer {
  version: string;
  variant: string;
  provider: string;
  outputs: Record<string, number[]>;
  code?: string;
  message?: string;
}
interface Seen {
  warnings: { message: string; code?: string }[];
  requests: number;
  summaries: string[];
  isIsolated: boolean;
}

const four = { x: { values: [1, 2, 3, 4], shape: [1, 4] } };

describe.skipIf(noChromium !== '')(`models in a page of Chromium${noChromium}`, () => {
  let site: Site;
  let browser: Browser;
  let ask: Ask;

  beforeAll(async () => {
    site = await openSite();
    browser = await startChromium();
    ({ ask } = await openPage(browser, site.url));
  });
  afterEach(async () => {
    await ask('close');
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  /** A version that adds `constant`, with golden vectors. */
  async function adding(constant: number, more: object = {}) {
    const model = addModel(constant);
    const { golden } = await goldenOf(model, { x: floats([1, 4], [1, 2, 3, 4]) });
    return {
      name: 'add',
      version: `${constant}.0.0`,
      variants: [{ name: 'fp32', ...site.put(`add-${constant}.onnx`, model) }],
      golden: site.put(`add-${constant}.json`, golden),
      ...more,
    };
  }
  const open = (models: object[], more: object = {}) => ask<Choice[]>('open', models, more);
  const asked = (model: string, inputs: object, more: object = {}) => ask<Answer>('ask', model, inputs, more);
  const codes = async () => (await ask<Seen>('seen')).warnings.map(({ code }) => code);

  test.skipIf(!hasData)('public models answer as they do in Node, and the fastest way is found', async () => {
    const digit = drawDigit(7);
    const photograph = await preprocessImage(readData('images', 'faces-2.jpg'), photographForm);
    const cases: [name: string, file: string, input: string, tensor: Tensor][] = [
      ['digits', 'mnist.onnx', 'Input3', floats([1, 1, 28, 28], digit)],
      ['faces', 'face-rfb-320.onnx', 'input', photograph],
    ];
    for (const [name, file, input, tensor] of cases) {
      const bytes = readData('models', file);
      const { outputs, golden } = await goldenOf(bytes, { [input]: tensor });
      const model = {
        name,
        variants: [{ name: 'fp32', ...site.put(file, bytes) }],
        golden: site.put(`${name}.json`, golden),
      };
      const choices = await open([model], { choiceLimitMs: 4_000 });
      expect(choices, name).toContainEqual(
        expect.objectContaining({ chosen: true, provider: 'cpu', ok: true }),
      );
      const values = [...new Float32Array(tensor.data.slice().buffer)];
      const answer = await asked(name, { [input]: { values, shape: tensor.shape } });
      for (const [output, { data }] of Object.entries(outputs)) {
        const expected = new Float32Array(data.slice().buffer);
        const worst = Math.max(
          ...expected.map((value, i) => Math.abs(value - (answer.outputs[output]?.[i] ?? NaN))),
        );
        expect(worst, `${name} ${output}`).toBeLessThan(1e-3);
      }
      await ask('close');
    }
  });

  test('every variant is checked and timed on every provider; what is wrong is not chosen', async () => {
    const right = await adding(1);
    const wrong = { name: 'int8', ...site.put('wrong.onnx', addModel(1.5)) };
    const choices = await open([{ ...right, variants: [wrong, ...right.variants] }], {
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
    const hasAdapter = (await ask<string | null>('adapter')) !== null;
    expect(hasAdapter, 'the software adapter of Chromium').toBe(true);
    expect(of('fp32', 'webgpu')).toMatchObject([{ ok: true, maxError: 0 }]);
    expect(choices.filter(({ chosen }) => chosen)).toMatchObject([{ variant: 'fp32' }]);
    expect((await asked('add', four)).outputs).toEqual({ y: [2, 3, 4, 5] });
  });

  test('the choice is remembered, and made again when the browser shows other hardware', async () => {
    const model = await adding(2);
    const reasonOf = (choices: Choice[]) => choices.find(({ chosen }) => chosen)?.reason ?? '';
    const first = await open([model]);
    expect(reasonOf(first)).toMatch(/^fp32 on /);
    await ask('close');
    const second = await open([model]);
    expect(reasonOf(second)).toBe(`measured before on this hardware, right again: ${reasonOf(first)}`);
    const { page, ask: askAlone } = await openPage(browser, `${site.url}?alone`);
    const third = await askAlone<Choice[]>('open', [model]);
    expect(reasonOf(third)).toMatch(/^fp32 on /);
    // Without isolation there are no threads, and no shared memory.
    expect(await askAlone<Seen>('seen')).toMatchObject({ isIsolated: false });
    expect(new Set(third.map(({ threads }) => threads))).toEqual(new Set([1]));
    expect((await askAlone<Answer>('ask', 'add', four)).outputs).toEqual({ y: [3, 4, 5, 6] });
    await page.close();
  });

  test('strict, WebGPU is not chosen where it would leave work to the CPU', async () => {
    const model = addModel(1, true);
    const { golden } = await goldenOf(model, { x: floats([1, 4], [1, 2, 3, 4]) });
    const quantized = {
      name: 'add',
      variants: [{ name: 'int8-qdq', ...site.put('quantized.onnx', model) }],
      golden: site.put('quantized.json', golden),
      strict: true,
    };
    const choices = await open([quantized], { choiceLimitMs: 60_000 });
    const webgpu = choices.find(({ provider }) => provider === 'webgpu');
    expect(webgpu).toMatchObject({ ok: false, chosen: false });
    expect(webgpu?.reason).toMatch(/^MODEL_UNSUPPORTED: .*CPU/);
    expect(choices.find(({ chosen }) => chosen)).toMatchObject({ provider: 'cpu', ok: true });
  });

  test('what nothing runs rightly is refused in words, and nothing stays behind', async () => {
    const model = await adding(3);
    const wrong = [{ name: 'fp32', ...site.put('wrong.onnx', addModel(1.5)) }];
    expect(await open([{ ...model, variants: wrong }])).toMatchObject({
      code: 'BUNDLE_INCOMPATIBLE',
      message: expect.stringMatching(/no variant of add 3\.0\.0 is right here: fp32 on cpu: GOLDEN_MISMATCH/),
    });
    const garbage = site.put('garbage.onnx', new TextEncoder().encode('this is no model'));
    expect(await open([{ name: 'add', variants: [{ name: 'fp32', ...garbage }] }])).toMatchObject({
      code: 'MODEL_INVALID',
    });
    const absent = { name: 'fp32', url: '/models/absent.onnx' };
    expect(await open([{ name: 'add', variants: [absent] }])).toMatchObject({ code: 'NOT_FOUND' });
    const other = { ...garbage, sha256: 'a'.repeat(64), name: 'fp32' };
    expect(await open([{ name: 'add', variants: [other] }])).toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect(await open([{ name: 'NOT A NAME', variants: [other] }])).toMatchObject({
      code: 'INVALID_DOCUMENT',
    });
    expect(await open([model], { workerUrl: '/nowhere.js' })).toMatchObject({ code: 'RUNTIME_DIED' });
    expect(await open([model], { assetsUrl: '/nowhere/' })).toMatchObject({ code: 'MODEL_INVALID' });
    // What afterEach closes.
    await open([model]);
    expect(await asked('add', { x: { values: [1, 2], shape: [1, 2] } })).toMatchObject({
      code: 'INPUT_INVALID',
    });
    expect(await asked('sub', four)).toMatchObject({ code: 'MODEL_UNKNOWN' });
  });

  test('without a network, on the second load, the page and its models are there', async () => {
    const model = await adding(4);
    const { page, ask: askKept } = await openPage(browser, site.url);
    await askKept('keepPage');
    await askKept('open', [model]);
    await browser.context.setOffline(true);
    try {
      await page.reload();
      const before = site.asked.length;
      expect(await askKept('open', [model])).toContainEqual(expect.objectContaining({ chosen: true }));
      expect((await askKept<Answer>('ask', 'add', four)).outputs).toEqual({ y: [5, 6, 7, 8] });
      expect(site.asked.slice(before).filter((path) => path !== '/service-worker.js')).toEqual([]);
      const unknown = { ...model, variants: [{ name: 'fp32', url: '/models/new.onnx' }] };
      expect(await askKept('open', [unknown])).toMatchObject({ code: 'UNREACHABLE' });
    } finally {
      await browser.context.setOffline(false);
      await page.close();
    }
  });

  test('a kept file that was damaged is found out, and fetched again', async () => {
    const model = await adding(5);
    const { sha256, url } = site.put('add-5.onnx', addModel(5));
    await open([model]);
    await ask('close');
    await ask('damage', sha256);
    const fetched = () => site.asked.filter((path) => path === url).length;
    expect(fetched()).toBe(1);
    await open([model]);
    expect(fetched()).toBe(2);
    expect(await codes()).toContain('BUNDLE_CORRUPT');
    expect((await asked('add', four)).outputs).toEqual({ y: [6, 7, 8, 9] });
    await ask('close');
    await open([model]);
    expect(fetched()).toBe(2);
  });

  test('where room is short, what no open model needs makes way; what still does not fit is served from memory', async () => {
    const [old, recent] = [await adding(6), await adding(7)];
    const files = () => ask<string[]>('keptFiles');
    await open([old]);
    await ask('close');
    const { page, ask: askHere } = await openPage(browser, site.url);
    const devtools = await browser.context.newCDPSession(page);
    const origin = new URL(site.url).origin;
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    try {
      expect(await askHere('open', [recent])).toContainEqual(expect.objectContaining({ chosen: true }));
      expect((await askHere<Answer>('ask', 'add', four)).outputs).toEqual({ y: [8, 9, 10, 11] });
      const { warnings } = await askHere<Seen>('seen');
      expect(warnings).toContainEqual(
        expect.objectContaining({ code: 'DISK_FULL', message: expect.stringMatching(/no longer kept/) }),
      );
      expect(warnings).toContainEqual(
        expect.objectContaining({ code: 'DISK_FULL', message: expect.stringMatching(/is not kept/) }),
      );
      expect(await files()).not.toContain(old.golden.sha256);
    } finally {
      await devtools.send('Storage.overrideQuotaForOrigin', { origin });
      await page.close();
    }
    await open([recent]);
    expect(await files()).toContain(recent.golden.sha256);
  });

  test('a version is replaced under load without a failed request', async () => {
    const [one, two] = [await adding(8), await adding(9)];
    await open([one]);
    await ask('beginLoad', 'add', four, 4);
    expect(await ask('replace', [two])).toBeUndefined();
    await expect.poll(async () => (await asked('add', four)).version).toBe('9.0.0');
    const { versions, failures } = await ask<{ versions: Record<string, number>; failures: unknown[] }>(
      'endLoad',
    );
    expect(failures).toEqual([]);
    expect(Object.keys(versions).sort()).toEqual(['8.0.0', '9.0.0']);
  });

  test('a model that hangs is given up and its worker replaced; the page and other models go on', async () => {
    const slow = {
      name: 'slow',
      variants: [{ name: 'fp32', ...site.put('slow.onnx', slowModel()) }],
      settings: { batching: { maxBatchSize: 1 } },
    };
    const ones = (count: number) => ({ x: { values: Array(count).fill(1), shape: [count, 1] } });
    await open([slow, await adding(10)], { runTimeoutMs: 1_500 });
    expect((await asked('slow', ones(1))).outputs).toEqual({ y: [1] });
    const hanging = ask<{ worstDelayMs: number; answer: Answer }>('askWatched', 'slow', ones(4_000));
    expect((await asked('add', four)).outputs).toEqual({ y: [11, 12, 13, 14] });
    const { worstDelayMs, answer } = await hanging;
    expect(answer).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // The page's own thread computes nothing: a timer is late by what a busy machine makes of it.
    expect(worstDelayMs).toBeLessThan(500);
    expect((await asked('slow', ones(2))).outputs).toEqual({ y: [4] });
  });

  test('a worker that dies of an error is replaced at once', async () => {
    const { page, ask: askHere } = await openPage(browser, site.url);
    await askHere('open', [await adding(11)]);
    const [worker] = page.workers();
    await worker?.evaluate(
      () =>
        void setTimeout(() => {
          throw new Error('the end');
        }, 0),
    );
    await expect
      .poll(async () => (await askHere<Seen>('seen')).warnings.map(({ message }) => message))
      .toContainEqual(expect.stringMatching(/the model's thread failed: .*the end/));
    expect((await askHere<Answer>('ask', 'add', four)).outputs).toEqual({ y: [12, 13, 14, 15] });
    await page.close();
  });

  test('versions share the requests, keys stay together; requests are counted and summarized', async () => {
    const routes = [
      {
        model: 'add',
        version: '12.0.0',
        channels: { next: '13.0.0' },
        split: [{ version: '13.0.0', share: 0.5 }],
        shadow: { version: '13.0.0', share: 1 },
      },
    ];
    await open([await adding(12), await adding(13)], { routes });
    const before = await ask<Seen>('seen');
    const versions: string[] = [];
    for (let i = 0; i < 10; i++) versions.push((await asked('add', four)).version);
    expect(versions.filter((version) => version === '13.0.0')).toHaveLength(5);
    const keyed = new Set<string>();
    for (let i = 0; i < 5; i++) keyed.add((await asked('add', four, { key: 'camera-7' })).version);
    expect(keyed.size).toBe(1);
    expect((await asked('add', four, { version: 'next' })).version).toBe('13.0.0');
    await expect.poll(async () => (await ask<Seen>('seen')).requests - before.requests).toBe(16);
    await expect
      .poll(async () => (await ask<Seen>('seen')).summaries.length)
      .toBeGreaterThan(before.summaries.length);
  });

  test('a pipeline decodes pictures in the page to the pixels that it has in Node', async () => {
    const form: ImagePreprocessing = {
      kind: 'image',
      width: 16,
      height: 16,
      fit: 'stretch',
      interpolation: 'antialiased',
      channels: 'rgb',
      layout: 'nchw',
      datatype: 'FP32',
      mean: [127],
      scale: [128],
    };
    const pipeline = {
      inputs: [{ name: 'file', datatype: 'BYTES', shape: [-1] }],
      outputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 3, 16, 16] }],
      stages: [
        { kind: 'preprocess', input: 'file', output: 'picture', form },
        { kind: 'model', inputs: { x: 'picture' }, outputs: { y: 'pixels' } },
      ],
    };
    const model = {
      name: 'picture',
      pipeline,
      variants: [{ name: 'fp32', ...site.put('picture.onnx', pictureModel()) }],
    };
    await open([model]);
    const pictures = [smallPng(), ...(hasData ? [readData('images', 'faces-5.jpg')] : [])];
    for (const file of pictures) {
      const { outputs } = await asked('picture', {
        file: { shape: [1], fileBase64: file.toString('base64') },
      });
      const { data } = await preprocessImage(file, form);
      expect(outputs.pixels).toEqual([...new Float32Array(data.slice().buffer)]);
    }
    const broken = { shape: [1], fileBase64: Buffer.from('GIF89a').toString('base64') };
    expect(await asked('picture', { file: broken })).toMatchObject({ code: 'INPUT_INVALID' });
  });
});
