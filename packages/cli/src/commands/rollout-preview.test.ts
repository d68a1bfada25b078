import type { RolloutPreview } from '@covey/protocol/api';
import { expect, test } from 'vitest';
import { unreachable } from './rollout-preview.ts';

test('what no device can bring home with what it may fetch is said before a rollout begins', () => {
  const preview = { classes: [{ bytesPerDevice: 3_000 }, { bytesPerDevice: 585_000 }] } as RolloutPreview;
  expect(unreachable(preview, { device: { bytes: 100_000 } })).toMatch(
    /^a device may fetch .*, and .* are to come/,
  );
  expect(unreachable(preview, { device: { bytes: 585_000 } })).toBeUndefined();
  expect(unreachable(preview, { device: { bytesPerDay: 10 } })).toBeUndefined();
});
