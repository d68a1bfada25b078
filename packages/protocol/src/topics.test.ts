import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { downKinds, parseTopic, topicOf, upKinds } from './topics.ts';

const deviceId = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

describe('topics', () => {
  it('parse back to the device and kind they were made of', () => {
    fc.assert(
      fc.property(deviceId, fc.constantFrom(...upKinds), (device, kind) => {
        expect(parseTopic(topicOf(device, kind))).toEqual({ device, kind, direction: 'up' });
      }),
    );
    fc.assert(
      fc.property(deviceId, fc.constantFrom(...downKinds), (device, kind) => {
        expect(parseTopic(topicOf(device, kind))).toEqual({ device, kind, direction: 'down' });
      }),
    );
  });

  it('are recognised only in the exact form in which they are made', () => {
    const near = fc
      .array(
        fc.constantFrom('covey', '1', '2', 'd1', 'birth', 'desired', '', '+', '#', '/', '\0', 'D1', ' '),
        {
          maxLength: 7,
        },
      )
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (topic) => {
        const parsed = parseTopic(topic);
        if (parsed) expect(topicOf(parsed.device, parsed.kind)).toBe(topic);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['empty', ''],
    ['the prefix alone', 'covey/1/'],
    ['no kind', 'covey/1/d1'],
    ['an empty kind', 'covey/1/d1/'],
    ['an empty device', 'covey/1//birth'],
    ['a single-level wildcard', 'covey/1/+/birth'],
    ['a wildcard kind', 'covey/1/d1/+'],
    ['a multi-level wildcard', 'covey/1/#'],
    ['every kind of a device', 'covey/1/d1/#'],
    ['an extra level', 'covey/1/d1/birth/x'],
    ['a trailing slash', 'covey/1/d1/birth/'],
    ['a leading slash', '/covey/1/d1/birth'],
    ['another version', 'covey/2/d1/birth'],
    ['another root', '$SYS/1/d1/birth'],
    ['a shared subscription', '$share/g/covey/1/d1/birth'],
    ['an unknown kind', 'covey/1/d1/firmware'],
    ['a property of objects as kind', 'covey/1/d1/constructor'],
    ['a kind in capitals', 'covey/1/d1/BIRTH'],
    ['a device in capitals', 'covey/1/D1/birth'],
    ['a dot in the device', 'covey/1/d.1/birth'],
    ['a line break after the device', 'covey/1/d1\n/birth'],
    ['a NUL', 'covey/1/d1\0/birth'],
    ['an overlong device', `covey/1/${'a'.repeat(64)}/birth`],
    ['an overlong topic', `covey/1/${'a'.repeat(100_000)}/birth`],
    ['a hundred thousand levels', `covey/1/${'d1/'.repeat(100_000)}birth`],
  ])('are not: %s', (_what, topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });
});
