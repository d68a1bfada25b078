import { encodeTelemetry } from '@covey/protocol/telemetry';
import { beforeEach, expect, it } from 'vitest';
import { SequenceWatch } from './sequence-watch.ts';

let violations: string[];
let watch: SequenceWatch;
beforeEach(() => {
  violations = [];
  watch = new SequenceWatch((what) => violations.push(what));
});

const event = (seq: number, message = '', dropped?: { from: bigint; to: bigint }) =>
  encodeTelemetry({
    seq: BigInt(seq),
    bootId: 'boot',
    atMs: 1,
    body: { case: 'event', value: { kind: 'note', message, ...(dropped && { dropped }) } },
  });
const receipt = (upTo: number, missing: number[] = []) => Buffer.from(JSON.stringify({ upTo, missing }));

it('allows the same message twice, and no other with its number', async () => {
  await watch.sent('event', await event(1));
  await watch.sent('event', await event(1));
  expect(violations).toEqual([]);
  await watch.sent('event', await event(1, 'another'));
  expect(violations).toEqual(['seq 1 was given to two messages']);
});

it('wants everything receipted to be stored, declared lost, or named as missing', async () => {
  await watch.stored('event', await event(1));
  await watch.stored('event', await event(4, '', { from: 2n, to: 2n }));
  watch.receipted(receipt(4, [3]));
  expect(violations).toEqual([]);
  watch.receipted(receipt(4));
  expect(violations).toEqual(['seq 3 is receipted and was never stored']);
});

it('wants receipts never to go back', () => {
  watch.receipted(receipt(2, [1, 2]));
  watch.receipted(receipt(1, [1]));
  expect(violations).toEqual(['a receipt goes back from 2 to 1']);
});

it('finds the numbers that nobody accounts for', async () => {
  for (const seq of [1, 2, 5]) await watch.sent('event', await event(seq));
  await watch.stored('event', await event(1));
  await watch.stored('event', await event(5, '', { from: 3n, to: 4n }));
  expect(watch.unaccounted()).toEqual([2]);
  expect(watch.droppedCount).toBe(2);
});
