import { createHash } from 'node:crypto';
import type { FetchAnswer, FetchRequest } from '@covey/ports';
import { CoveyError, type ErrorCode } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import {
  bundleOf,
  type DownloadDevice,
  downloadDevice,
  fileOf,
  isOnDisk,
  murmur,
  settle,
} from './download.fixture.ts';

const sizeBytes = 90_000;
const one = bundleOf('1.0.0', murmur('first', sizeBytes));
const two = bundleOf('2.0.0', murmur('second', sizeBytes), '2026-02-01T00:00:00Z');

const asked = ({ network }: DownloadDevice, what: string) =>
  network.served.filter((line) => line.includes(`/${what}/`));

function refused(code: ErrorCode, headers: Record<string, string> = {}): FetchAnswer {
  const error = new CoveyError(code, `refused with ${code}`);
  return { status: error.status, headers, body: Buffer.from(JSON.stringify(error.toJSON())) };
}

/** A device with the first version, whose controller answers requests for transfers so from then on. */
async function deviceWith(
  seed: string,
  transfers: (request: FetchRequest, answer: FetchAnswer) => FetchAnswer,
): Promise<DownloadDevice> {
  const device = downloadDevice(seed);
  device.shelf.add(one, two);
  await settle(device.world, device.fetch(one.digest));
  device.network.served.length = 0;
  const { answer } = device.shelf;
  device.shelf.answer = (request) =>
    request.url.includes('/transfers/')
      ? transfers(request as FetchRequest, answer(request))
      : answer(request);
  return device;
}

/** Tries as the update machine does, and how often it took. */
async function triesUntilThere(device: DownloadDevice): Promise<number> {
  for (let tried = 1; tried <= 5; tried++) {
    const outcome = await settle(device.world, device.fetch(two.digest)).catch((error: CoveyError) => error);
    if (!(outcome instanceof Error)) return tried;
    expect(outcome.code).toBe('BUNDLE_CORRUPT');
  }
  throw new Error('it never came');
}

describe('a transfer that is being made', () => {
  it.each([
    ['TRANSFER_PENDING', '5'],
    ['TRANSFER_PENDING', '100000'],
    ['OVERLOADED', '1'],
  ] as const)(
    'for ever (%s, %s s) is asked for three times, then the next, then chunks come',
    async (code, seconds) => {
      const device = await deviceWith('pending', () => refused(code, { 'retry-after': seconds }));
      const from = device.world.clock.monotonicMs();
      await settle(device.world, device.fetch(two.digest));
      expect(await isOnDisk(device, two)).toBe(true);
      expect(asked(device, 'transfers').length).toBeLessThanOrEqual(6);
      expect(device.world.clock.monotonicMs() - from).toBeLessThan(125_000);
    },
  );

  it('is taken when it is ready in time', async () => {
    let times = 0;
    const device = await deviceWith('ready', (_request, answer) =>
      ++times < 3 ? refused('TRANSFER_PENDING', { 'retry-after': '5' }) : answer,
    );
    await settle(device.world, device.fetch(two.digest));
    expect(await isOnDisk(device, two)).toBe(true);
    expect(asked(device, 'chunks')).toEqual([]);
  });

  it('is not waited for when the device is not to have it', async () => {
    const device = await deviceWith('refused', () => refused('TRANSFER_REFUSED'));
    await settle(device.world, device.fetch(two.digest));
    expect(await isOnDisk(device, two)).toBe(true);
    expect(asked(device, 'transfers')).toHaveLength(2);
  });

  it('is asked for anew where it went after its header had come', async () => {
    let times = 0;
    const device = await deviceWith('gone', (_request, answer) =>
      ++times === 1 ? answer : refused('TRANSFER_REFUSED'),
    );
    await expect(settle(device.world, device.fetch(two.digest))).rejects.toMatchObject({
      code: 'TRANSFER_REFUSED',
    });
    await settle(device.world, device.fetch(two.digest));
    expect(await isOnDisk(device, two)).toBe(true);
  });
});

describe('a bad transfer costs one try each, is not asked for again, and chunks come instead:', () => {
  /** A server that does not know ranges, or does what it likes with them. */
  const rangeOf = ({ headers }: FetchRequest) => {
    const [, start = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers?.range ?? '') ?? [];
    return { start: Number(start), last: last === '' ? Number.POSITIVE_INFINITY : Number(last) };
  };
  const partial = (request: FetchRequest, body: Uint8Array, total: number, more = 0): FetchAnswer => {
    const { start, last } = rangeOf(request);
    const end = Math.min(body.byteLength, last + 1);
    const extra = new Uint8Array(Math.max(0, more));
    const part = body.subarray(start, more < 0 ? Math.max(start + 1, end + more) : end);
    return {
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end - 1}/${total}` },
      body: Buffer.concat([part, extra]),
    };
  };
  const isFirst = (request: FetchRequest) => rangeOf(request).start === 0;
  const ways: Record<string, (request: FetchRequest, answer: FetchAnswer) => FetchAnswer> = {
    'a range beyond its end': (request, answer) =>
      isFirst(request) ? answer : { status: 416, headers: {}, body: new Uint8Array(0) },
    'a range beyond its end at once': () => ({ status: 416, headers: {}, body: new Uint8Array(0) }),
    'another length': (request, { body }) =>
      isFirst(request)
        ? partial(request, body, body.byteLength)
        : partial(request, body, body.byteLength + 7),
    'a stream that is too short': (request, { body }) =>
      isFirst(request)
        ? partial(request, body, body.byteLength)
        : partial(request, body, body.byteLength, -500),
    'a stream that is too long': (request, { body }) =>
      isFirst(request)
        ? partial(request, body, body.byteLength)
        : partial(request, body, body.byteLength, 500),
    'a range that was not asked for': (request, { body }) => ({
      status: 206,
      headers: {
        'content-range': `bytes ${rangeOf(request).start + 5}-${body.byteLength - 1}/${body.byteLength}`,
      },
      body: body.subarray(rangeOf(request).start + 5),
    }),
    'a range without its place': (request, { body }) => ({
      status: 206,
      headers: {},
      body: body.subarray(rangeOf(request).start),
    }),
    'nothing at all': () => ({ status: 200, headers: {}, body: new Uint8Array(0) }),
    'a whole that is cut': (_request, { body }) => ({
      status: 200,
      headers: {},
      body: body.subarray(0, 9_000),
    }),
    'other bytes': (_request, answer) => ({
      ...answer,
      body: answer.body.map((byte, at) => (at === 60_000 ? byte ^ 1 : byte)),
    }),
  };
  it.each(Object.keys(ways))('%s', async (name) => {
    const device = await deviceWith(name, (request, answer) => ways[name]?.(request, answer) ?? answer);
    expect(await triesUntilThere(device)).toBeLessThanOrEqual(3);
    expect(await isOnDisk(device, two)).toBe(true);
    expect(asked(device, 'transfers').length).toBeLessThanOrEqual(4);
  });
});

describe('a chunk that stays bad', () => {
  const bad: Record<string, (body: Uint8Array) => FetchAnswer> = {
    'lost by the controller': () => refused('CHUNK_LOST'),
    'damaged on the way': (body) => ({ status: 200, headers: {}, body: body.map((byte) => byte ^ 1) }),
    'too short': () => ({ status: 416, headers: {}, body: new Uint8Array(0) }),
  };
  it.each(Object.keys(bad))(
    '(%s) is asked for once in a try, which fails by its code; what came stays',
    async (name) => {
      const device = downloadDevice(name);
      const large = bundleOf('3.0.0', murmur('large', 800_000));
      device.shelf.add(large);
      device.shelf.hasTransfers = false;
      const chunk = fileOf(large).chunks.at(-1)?.sha256 ?? '';
      const { answer } = device.shelf;
      device.shelf.answer = (request) => {
        const given = answer(request);
        return request.url.includes(chunk) ? (bad[name]?.(given.body) ?? given) : given;
      };
      const code = name.startsWith('lost') ? 'CHUNK_LOST' : 'BUNDLE_CORRUPT';
      for (let tried = 1; tried <= 4; tried++) {
        await expect(settle(device.world, device.fetch(large.digest))).rejects.toMatchObject({ code });
        expect(asked(device, 'chunks').filter((line) => line.includes(chunk))).toHaveLength(tried);
      }
      expect(asked(device, 'chunks')).toHaveLength(fileOf(large).chunks.length + 3);
      device.shelf.answer = answer;
      await settle(device.world, device.fetch(large.digest));
      expect(await isOnDisk(device, large)).toBe(true);
      const got = await device.machine.boot().disk.read(`/data/covey/bundles/files/${fileOf(large).sha256}`);
      expect(
        createHash('sha256')
          .update(got ?? '')
          .digest('hex'),
      ).toBe(fileOf(large).sha256);
    },
  );
});
