import { join } from 'node:path';
import { encodeTransfer, type TransferFile } from '@covey/bundle/transfer';
import { expect, test } from 'vitest';
import type { TransferOfTest } from '../browser/transfer.ts';
import { noChromium, openPage, startChromium } from './chromium.ts';
import { bundled } from './site.ts';

const count = 40_000;

/** Floats, integers and text that each change a little, so that every way of coding is met. */
function fileOf(step: number): TransferFile {
  const floats = Float32Array.from(
    { length: count },
    (_, i) => 0.05 * Math.sin(i * i * 0.37) + step * Math.sin(i * 1.7),
  );
  const levels = Int8Array.from(floats, (value) => Math.round(value * (2_000 + step * 1e6)));
  const fresh = Float32Array.from(floats, (value, i) => value * Math.cos(i * i * (0.11 + step)));
  const text = new TextEncoder().encode(`${'a graph of nodes; '.repeat(300)}${step}`);
  const parts = [text, floats, levels, fresh].map(
    (part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
  );
  const offsetOf = (part: number) =>
    parts.slice(0, part).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const tensor = (part: number, type: 'float32' | 'int8') => ({
    ...{ name: `t${part}`, type, shape: [200, count / 200] },
    ...{ offset: offsetOf(part), sizeBytes: parts[part]?.byteLength ?? 0 },
  });
  return {
    bytes: Buffer.concat(parts),
    tensors: [tensor(1, 'float32'), tensor(2, 'int8'), tensor(3, 'float32')],
  };
}

test.skipIf(noChromium !== '')(
  `a page decodes what the controller encodes, byte by byte${noChromium}`,
  async () => {
    const [base, file] = [fileOf(0), fileOf(1e-5)];
    const sizeBytes = file.bytes.byteLength;
    const chunks = Array.from({ length: Math.ceil(sizeBytes / 65_536) }, (_, i) =>
      Math.min(65_536, sizeBytes - i * 65_536),
    );
    const target = { sizeBytes, chunks: chunks.map((size) => ({ sizeBytes: size })) };
    const page = join(import.meta.dirname, '..', 'browser', 'transfer.ts');
    const content = Buffer.from((await bundled({ transfer: page })).get('/transfer.js') ?? []).toString();
    const browser = await startChromium();
    try {
      const { tab, ask } = await openPage(browser, 'about:blank');
      await tab.addScriptTag({ content });
      for (const from of [base, undefined]) {
        const given: TransferOfTest = {
          transfer: Buffer.from(encodeTransfer(file, target, from)).toString('base64'),
          base: Buffer.from(from?.bytes ?? []).toString('base64'),
          chunks,
        };
        const seen = Buffer.from(await ask<string>('decode', given), 'base64');
        expect(seen.equals(file.bytes)).toBe(true);
      }
    } finally {
      await browser.close();
    }
  },
);
