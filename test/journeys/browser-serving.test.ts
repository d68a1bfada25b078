import type { ImagePreprocessing } from '@covey/protocol';
import { preprocessImage } from '@covey/runtime';
import { describe, expect, test } from 'vitest';
import { addModel, pictureModel, slowModel, smallPng } from './browser-models.ts';
import { type Answer, four, PageOfTests, type Seen } from './browser-page.ts';
import { noChromium } from './chromium.ts';
import { hasData, isLong, readData } from './harness.ts';

describe.skipIf(noChromium !== '')(`models in a page of Chromium${noChromium}`, () => {
  const page = new PageOfTests();

  test('without a network, on the second load, the page and its models are there', async () => {
    const model = page.adding(4);
    const { tab, ask: askKept } = await page.another();
    await askKept('keepPage');
    await askKept('open', [model]);
    await page.browser.context.setOffline(true);
    try {
      await tab.reload();
      const before = page.site.asked.length;
      expect(await askKept('open', [model])).toEqual([]);
      expect((await askKept<Answer>('ask', 'add', four)).outputs).toEqual({ y: [5, 6, 7, 8] });
      expect(page.site.asked.slice(before).filter((path) => path !== '/service-worker.js')).toEqual([]);
      const unknown = { ...model, variants: [{ name: 'fp32', url: '/models/new.onnx' }] };
      expect(await askKept('open', [unknown])).toMatchObject({ code: 'UNREACHABLE' });
    } finally {
      await page.browser.context.setOffline(false);
      await tab.close();
    }
  });

  test('a kept file that was damaged is found out, and fetched again', async () => {
    const model = page.adding(5);
    const { sha256, url } = page.site.put('add-5.onnx', addModel(5));
    await page.open([model]);
    await page.ask('close');
    await page.ask('damage', sha256);
    const fetched = () => page.site.asked.filter((path) => path === url).length;
    expect(fetched()).toBe(1);
    await page.open([model]);
    expect(fetched()).toBe(2);
    expect((await page.seen()).warnings).toContainEqual(expect.objectContaining({ code: 'BUNDLE_CORRUPT' }));
    expect((await page.infer('add', four)).outputs).toEqual({ y: [6, 7, 8, 9] });
    await page.ask('close');
    await page.open([model]);
    expect(fetched()).toBe(2);
  });

  test('a page that ends while it keeps a file leaves none that is damaged', async () => {
    const model = {
      name: 'add',
      variants: [{ name: 'fp32', ...page.site.put('large.onnx', addModel(16, false, 20_000_000)) }],
    };
    for (const afterMs of [0, 30, 60, 100, 150, 220, 300, 400]) {
      const { tab, ask } = await page.another();
      const opening = ask('open', [model]).catch(() => 'the page ended');
      await tab.waitForTimeout(afterMs);
      await tab.close();
      await opening;
    }
    const before = await page.seen();
    await page.open([model]);
    expect((await page.infer('add', four)).outputs).toEqual({ y: [17, 18, 19, 20] });
    expect((await page.seen()).warnings).toEqual(before.warnings);
  });

  test('where room is short, what no open model needs makes way; what still does not fit is served from memory', async () => {
    const [old, recent] = [page.adding(6), page.adding(7)];
    const digestOf = ({ variants }: typeof old) => variants[0]?.sha256;
    const files = () => page.ask<string[]>('keptFiles');
    await page.open([old]);
    await page.ask('close');
    const { tab, ask: askHere } = await page.another();
    const devtools = await page.browser.context.newCDPSession(tab);
    const origin = new URL(page.site.url).origin;
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    try {
      expect(await askHere('open', [recent])).toEqual([]);
      expect((await askHere<Answer>('ask', 'add', four)).outputs).toEqual({ y: [8, 9, 10, 11] });
      const { warnings } = await askHere<Seen>('seen');
      expect(warnings).toContainEqual(
        expect.objectContaining({ code: 'DISK_FULL', message: expect.stringMatching(/no longer kept/) }),
      );
      expect(warnings).toContainEqual(
        expect.objectContaining({ code: 'DISK_FULL', message: expect.stringMatching(/is not kept/) }),
      );
      expect(await files()).not.toContain(digestOf(old));
    } finally {
      await devtools.send('Storage.overrideQuotaForOrigin', { origin });
      await tab.close();
    }
    await page.open([recent]);
    expect(await files()).toContain(digestOf(recent));
  });

  test('a version is replaced under load without a failed request', async () => {
    const [one, two] = [page.adding(8), page.adding(9)];
    await page.open([one]);
    await page.ask('beginLoad', 'add', four, 4);
    expect(await page.ask('replace', [two])).toBeUndefined();
    await expect.poll(async () => (await page.infer('add', four)).version).toBe('9.0.0');
    const { versions, failures } = await page.ask<{ versions: Record<string, number>; failures: unknown[] }>(
      'endLoad',
    );
    expect(failures).toEqual([]);
    expect(Object.keys(versions).sort()).toEqual(['8.0.0', '9.0.0']);
  });

  test('what cannot take the place of what serves leaves it as it was', async () => {
    const one = page.adding(14);
    await page.open([one]);
    const broken = page.site.put('broken.onnx', new TextEncoder().encode('this is no model'));
    const two = { ...one, version: '15.0.0', variants: [{ name: 'fp32', ...broken }] };
    expect(await page.ask('replace', [two])).toMatchObject({ code: 'MODEL_INVALID' });
    expect(await page.infer('add', four)).toMatchObject({
      version: '14.0.0',
      outputs: { y: [15, 16, 17, 18] },
    });
    // The same bytes as another version, with settings of its own.
    const same = { ...one, version: '14.0.1', settings: { cacheBytes: 1_000_000 } };
    expect(await page.ask('replace', [one, same])).toBeUndefined();
    for (const version of ['14.0.0', '14.0.1'])
      expect(await page.infer('add', four, { version })).toMatchObject({ version });
  });

  test('a model that hangs is given up and its worker replaced; the page and other models go on', async () => {
    const slow = {
      name: 'slow',
      variants: [{ name: 'fp32', ...page.site.put('slow.onnx', slowModel()) }],
      settings: { batching: { maxBatchSize: 1 } },
    };
    const ones = (count: number) => ({ x: { values: Array(count).fill(1), shape: [count, 1] } });
    await page.open([slow, page.adding(10)], { runTimeoutMs: 1_500 });
    expect((await page.infer('slow', ones(1))).outputs).toEqual({ y: [1] });
    const hanging = page.ask<{ worstDelayMs: number; answer: Answer }>('askWatched', 'slow', ones(4_000));
    expect((await page.infer('add', four)).outputs).toEqual({ y: [11, 12, 13, 14] });
    const { worstDelayMs, answer } = await hanging;
    expect(answer).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // The page's own thread computes nothing: a timer is late by what a busy machine makes of it.
    expect(worstDelayMs).toBeLessThan(500);
    expect((await page.infer('slow', ones(2))).outputs).toEqual({ y: [4] });
  });

  // Four gigabytes that the machine has to make: several seconds.
  test.skipIf(!isLong)('a run that needs more memory than WebAssembly has fails alone', async () => {
    const settings = { batching: { maxBatchSize: 1 } };
    const variants = [{ name: 'fp32', ...page.site.put('slow.onnx', slowModel()) }];
    await page.open([{ name: 'slow', variants, settings }]);
    const ones = (count: number) => ({ x: { values: Array(count).fill(1), shape: [count, 1] } });
    expect(await page.infer('slow', ones(30_000))).toMatchObject({
      code: 'INFERENCE_FAILED',
      message: expect.stringMatching(/bad_alloc/),
    });
    expect((await page.infer('slow', ones(2))).outputs).toEqual({ y: [4] });
  });

  test('a worker that dies of an error is replaced at once', async () => {
    const { tab, ask: askHere } = await page.another();
    await askHere('open', [page.adding(11)]);
    const [worker] = tab.workers();
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
    await tab.close();
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
    await page.open([page.adding(12), page.adding(13)], { routes });
    const before = await page.seen();
    const versions: string[] = [];
    for (let i = 0; i < 10; i++) versions.push((await page.infer('add', four)).version);
    expect(versions.filter((version) => version === '13.0.0')).toHaveLength(5);
    const keyed = new Set<string>();
    for (let i = 0; i < 5; i++) keyed.add((await page.infer('add', four, { key: 'camera-7' })).version);
    expect(keyed.size).toBe(1);
    expect((await page.infer('add', four, { version: 'next' })).version).toBe('13.0.0');
    await expect.poll(async () => (await page.seen()).requests - before.requests).toBe(16);
    await expect
      .poll(async () => (await page.seen()).summaries.length)
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
      variants: [{ name: 'fp32', ...page.site.put('picture.onnx', pictureModel()) }],
    };
    await page.open([model]);
    const pictures = [smallPng(), ...(hasData ? [readData('images', 'faces-5.jpg')] : [])];
    for (const file of pictures) {
      const { outputs } = await page.infer('picture', {
        file: { shape: [1], fileBase64: file.toString('base64') },
      });
      const { data } = await preprocessImage(file, form);
      expect(outputs.pixels).toEqual([...new Float32Array(data.slice().buffer)]);
    }
    const broken = { shape: [1], fileBase64: Buffer.from('GIF89a').toString('base64') };
    expect(await page.infer('picture', { file: broken })).toMatchObject({ code: 'INPUT_INVALID' });
  });
});
