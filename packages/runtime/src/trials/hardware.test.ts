import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { describeGraphics, hardwareDigest } from './hardware.ts';

test('the digest is the same from one look to the next, and another when a provider comes', async () => {
  const without = { cpu: null, webgpu: 'no adapter' };
  const digest = await hardwareDigest(without);
  expect(await hardwareDigest(without)).toBe(digest);
  expect(await hardwareDigest({ cpu: null, webgpu: null })).not.toBe(digest);
});

test('another driver, another version of it, or none, is other hardware', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'covey-hardware-'));
  const libraries = await mkdtemp(join(tmpdir(), 'covey-hardware-'));
  onTestFinished(async () => {
    await rm(folder, { recursive: true });
    await rm(libraries, { recursive: true });
  });
  const manifest = join(folder, 'driver.json');
  const library = join(libraries, 'libdriver.so');
  const describe = async () => (await describeGraphics([folder])).join();
  const seen = [(await describeGraphics([join(folder, 'absent')])).join()];
  await writeFile(manifest, `{"ICD": {"library_path": "${library}", "api_version": "1.0"}}`);
  seen.push(await describe());
  await writeFile(library, 'driver 1');
  seen.push(await describe());
  await utimes(library, 1, 1);
  seen.push(await describe());
  await writeFile(manifest, `{"ICD": {"library_path": "${library}", "api_version": "1.3"}}`);
  seen.push(await describe());
  expect(new Set(seen).size).toBe(seen.length);
  expect(await describe()).toBe(seen.at(-1));
});
