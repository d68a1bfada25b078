import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addDeliveryOptions, type DeliveryOptions, deliveryOf } from './delivery-options.ts';

function parsed(...args: string[]) {
  const command = addDeliveryOptions(
    new Command('start').exitOverride().configureOutput({ writeErr: () => {} }),
  );
  return deliveryOf(command.parse(args, { from: 'user' }).opts<DeliveryOptions>());
}

test.each([
  ['device=500kB', { device: { bytes: 500_000 } }],
  ['device=500KB', { device: { bytes: 500_000 } }],
  ['site=1.5GB/day', { site: { bytesPerDay: 1_500_000_000 } }],
  ['rollout=2mib/s', { rollout: { bytesPerSecond: 2_097_152 } }],
])('--limit %s', (text, wanted) => {
  expect(parsed('--limit', text)).toMatchObject(wanted);
});

test.each([
  [['--limit', 'device=12'], /a size such as 500kB/],
  [['--limit', 'fleet=12MB'], /device, site or rollout/],
  [['--metered', 'lots'], /everything, nothing, deltas or a size/],
  [['--window', 'mon-fri@25:00+6h'], /days, start and duration/],
  [['--window', 'mon-fri@22:60+6h'], /days, start and duration/],
])('%j is refused with what is wanted', (args, message) => {
  expect(() => parsed(...args)).toThrow(message);
});
