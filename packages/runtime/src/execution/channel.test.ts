import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChannel } from './channel.ts';

const array = fc.uint8Array({ maxLength: 300 });
const message = fc.record({
  id: fc.nat(),
  text: fc.string(),
  tensors: fc.dictionary(
    fc.oneof(fc.string(), fc.constant('arrayIndex')),
    fc.record({ shape: fc.array(fc.nat()), data: array }),
  ),
  list: fc.array(array, { maxLength: 3 }),
});

test('messages arrive as they were sent, however the bytes were cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 700 }),
      async (sent, size) => {
        const out = new PassThrough({ highWaterMark: 2 ** 20 });
        const sender = createChannel(out.pause(), () => {});
        for (const each of sent) sender.send(each);
        out.end();
        const bytes = Buffer.concat(await Array.fromAsync(out));
        const received: unknown[] = [];
        const incoming = new PassThrough();
        createChannel(incoming, (arrived) => received.push(arrived));
        for (let at = 0; at < bytes.length; at += size) incoming.write(bytes.subarray(at, at + size));
        incoming.end();
        await expect.poll(() => received).toEqual(sent);
      },
    ),
    { numRuns: 100 },
  );
});

test('arrays arrive aligned, in memory of their own; a Buffer arrives as bytes', async () => {
  const socket = new PassThrough();
  const received: { data: Uint8Array }[] = [];
  const channel = createChannel(socket, (arrived: { data: Uint8Array }) => received.push(arrived));
  channel.send({ data: Buffer.from('abc') });
  await expect.poll(() => received.length).toBe(1);
  expect(received[0]?.data).toEqual(Uint8Array.of(97, 98, 99));
  expect([received[0]?.data.byteOffset, received[0]?.data.buffer.byteLength]).toEqual([0, 3]);
});
