import { expect, test } from 'vitest';
import { certificateBy, deviceAuthorityOf } from './device-authority.ts';

test('the command gets the request on standard input and the device in its environment', async () => {
  expect(await certificateBy('cat; echo " for $COVEY_DEVICE"', 'request', 'edge-1')).toBe(
    'request for edge-1\n',
  );
});

test.each([
  ['fails', 'echo no such key >&2; exit 3', /ended with 3: no such key/],
  ['is killed', 'kill -9 $$', /SIGKILL/],
  ['is none', '/nowhere/to/be/found', /ended with 127/],
  ['answers with too much', 'head -c 100000 /dev/zero', /too much/],
])('a command that %s is CA_FAILED, with its last words', async (_what, command, message) => {
  await expect(certificateBy(command, 'x', 'edge-1')).rejects.toMatchObject({
    code: 'CA_FAILED',
    message: expect.stringMatching(message),
  });
});

test('a command without the authority that its certificates are checked by is refused', () => {
  expect(deviceAuthorityOf({ deviceIdFrom: 'cn' })).toEqual({});
  expect(() => deviceAuthorityOf({ deviceIdFrom: 'cn', deviceCaCommand: 'x' })).toThrow(/needs --device-ca/);
});
