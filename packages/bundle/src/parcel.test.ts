import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeParcelHead, openParcel, type Parcel } from './parcel.ts';

const ref = { model: 'bearing', version: '1.0.0', number: 1, bundle: 'a'.repeat(64) };
const contents = [Buffer.from('{"signed":1}'), Buffer.from('manifest'), Buffer.alloc(0)];
const paths = ['/trust/1.root.json', `/bundles/${'a'.repeat(64)}`, `/chunks/${'b'.repeat(64)}`];
const digest = 'c'.repeat(64);
const files = paths.map((path, at) => ({ path, sizeBytes: contents[at]?.byteLength ?? 0, sha256: digest }));
const whole = Buffer.concat([encodeParcelHead({ ref, files }), ...contents]);
const open = (bytes: Uint8Array) =>
  openParcel(bytes.byteLength, async (offset, sizeBytes) => bytes.subarray(offset, offset + sizeBytes));

/** As somebody would write it who means harm. */
function withIndex(index: unknown, length?: number): Buffer {
  const json = Buffer.from(JSON.stringify(index));
  const prefix = Buffer.from('covey-parcel/1\n\0\0\0\0');
  prefix.writeUInt32BE(length ?? json.byteLength, prefix.byteLength - 4);
  return Buffer.concat([prefix, json]);
}

describe('a parcel', () => {
  test('is read as it was written', async () => {
    const parcel = await open(whole);
    expect(parcel.ref).toEqual(ref);
    for (const [at, path] of paths.entries()) {
      const { offset = 0, sizeBytes = 0, sha256 } = parcel.files.get(path) ?? {};
      expect(sha256).toBe(at === 0 ? digest : path.slice(-64));
      expect(whole.subarray(offset, offset + sizeBytes)).toEqual(contents[at]);
    }
  });

  test('is refused at every length but its own', async () => {
    for (let length = 0; length < whole.byteLength; length++)
      await expect(open(whole.subarray(0, length))).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
    await expect(open(Buffer.concat([whole, Buffer.from('x')]))).rejects.toMatchObject({
      code: 'WIRE_MALFORMED',
    });
  });

  test.each<[string, Parcel['files']]>([
    ['a path of a file system', [{ path: '/etc/passwd', sizeBytes: 0 }]],
    ['a way out', [{ path: '/trust/../../x', sizeBytes: 0 }]],
    ['a chunk that is none', [{ path: '/chunks/1', sizeBytes: 0 }]],
    ['a chunk too large', [{ path: paths[2] ?? '', sizeBytes: 2 ** 20 + 1 }]],
    ['a size below nothing', [{ path: paths[2] ?? '', sizeBytes: -1 }]],
    ['a path twice', [...files, ...files]],
    ['metadata without its digest', [{ path: paths[0] ?? '', sizeBytes: 0 }]],
    ['too many files', Array.from({ length: 100_001 }, () => ({ path: paths[2] ?? '', sizeBytes: 0 }))],
  ])('with %s is refused', async (_what, hostile) => {
    await expect(open(withIndex({ ref, files: hostile }))).rejects.toMatchObject({
      code: 'INVALID_DOCUMENT',
    });
  });

  test('with an index that claims gigabytes is refused before it is read', async () => {
    await expect(open(withIndex({ ref, files }, 2 ** 32 - 1))).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  test('whatever becomes of its bytes, it opens within its bounds or is refused with a code', async () => {
    const change = fc.record({ at: fc.nat(whole.byteLength - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        const parcel = await open(bytes).catch((error) => {
          expect(['WIRE_MALFORMED', 'INVALID_DOCUMENT', 'PAYLOAD_TOO_LARGE']).toContain(error.code);
        });
        for (const { offset, sizeBytes } of parcel?.files.values() ?? [])
          expect(offset + sizeBytes).toBeLessThanOrEqual(bytes.byteLength);
      }),
    );
  });
});
