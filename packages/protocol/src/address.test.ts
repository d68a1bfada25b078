import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isControllerAddress } from './address.ts';
import { LinkChangePlan } from './api/links.ts';
import { checkDocument } from './document.ts';
import { limits } from './limits.ts';
import { LinkSettingsSchema } from './link.ts';

describe('the address of a controller', () => {
  it.each([
    'covey.example.com:8883',
    'COVEY',
    'covey_1.site-2:1',
    '127.0.0.1:65535',
    '[::1]:8883',
    '[2001:db8::1]',
    'covey:8883/',
  ])('may be %s', (rest) => {
    expect(isControllerAddress(`mqtts://${rest}`, 'mqtts')).toBe(true);
    expect(isControllerAddress(`https://${rest}`, 'https')).toBe(true);
    expect(isControllerAddress(`mqtts://${rest}`, 'https')).toBe(false);
  });

  it.each([
    '127.0.0.1:99999',
    '127.0.0.1:65536',
    'h:0',
    'h:08883',
    'h:',
    '',
    ':8883',
    '-oProxyCommand:1',
    'a-.b:1',
    'a..b:1',
    'h%0d%0aX:1',
    'h\r\nX:1',
    'h\t:1',
    'ü:1',
    '1.2.3.999:1',
    '0x7f.1:1',
    '127.1:1',
    '[::g]:1',
    '[1:1',
    'u@h:1',
    'u:p@h:1',
    'h:1/x',
    'h:1?x',
    'h:1#x',
    'h:1\\x',
  ])('is not %j', (rest) => {
    expect(isControllerAddress(`mqtts://${rest}`, 'mqtts')).toBe(false);
    expect(isControllerAddress(`https://${rest}`, 'https')).toBe(false);
  });

  it('is the same to the controller and to its devices, whatever it is', () => {
    const piece = fc.constantFrom(
      ...['h', '-', '.', ':', '0', '1', '99999', '%0d', '[', ']', '::1', '/', '@', '_', 'é', '\n'],
    );
    const text = fc.oneof(
      fc.array(piece).map((pieces) => pieces.join('')),
      fc.string(),
      fc.webAuthority(),
    );
    fc.assert(
      fc.property(text, text, (mqtt, device) => {
        const addresses = { mqttUrl: `mqtts://${mqtt}`, deviceUrl: `https://${device}` };
        const { success, data } = LinkChangePlan.safeParse(addresses);
        const settings = { id: 'link-1', withinMs: limits.linkWithinMs.least, ...addresses };
        const readByDevice = () => checkDocument(LinkSettingsSchema, settings, 'link');
        if (success)
          expect(readByDevice()).toMatchObject({ mqttUrl: data.mqttUrl, deviceUrl: data.deviceUrl });
        else expect(readByDevice).toThrow();
        if (success) expect(() => new URL('/identity', addresses.deviceUrl)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });
});
