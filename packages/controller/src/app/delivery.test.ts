import { RolloutPlan } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeliveryMeter, type DeliveryMeter } from '../delivery/index.ts';
import { type DomainFixture, domainFixture } from './domain.fixture.ts';

let fixture: DomainFixture;
let meter: DeliveryMeter;
beforeEach(async () => {
  fixture = await domainFixture(['edge-1', 'edge-2', 'edge-3']);
  await fixture.publish('1.0.0');
  for (const [id, site] of Object.entries({ 'edge-1': 'lab', 'edge-2': 'lab', 'edge-3': 'moon' }))
    await fixture.storage.db
      .updateTable('devices')
      .set({ tags: JSON.stringify({ site }) })
      .where('id', '=', id)
      .execute();
  meter = started();
});
afterEach(() => fixture.close());

/** The meter of a controller that starts so much later. */
function started(laterMs = 0): DeliveryMeter {
  const { clock } = fixture.world;
  return createDeliveryMeter({
    storage: fixture.storage,
    clock: { ...clock, now: () => clock.now() + laterMs },
  });
}
const roll = (delivery: object) =>
  fixture.domain.rollouts.create(
    RolloutPlan.parse({ model: 'bearing', version: '1.0.0', waves: [{ percent: 100 }], delivery }),
    'admin',
  );
/** Asks until nothing more is given; the sum, and why it ended. */
async function drain(device: string): Promise<{ bytes: number; message: string; waitMs: number }> {
  for (let bytes = 0; ; ) {
    const answer = await meter.admit(device, 300_000);
    if (!('bytes' in answer)) return { bytes, ...answer };
    bytes += answer.bytes;
  }
}

describe('what sites and rollouts may fetch', () => {
  it('is shared by the devices of a site and kept over a restart; other sites have their own', async () => {
    await roll({ site: { bytes: 1_000_000 } });
    expect(await meter.admit('edge-1', 5_000_000)).toEqual({ bytes: 256 * 1024 });
    meter = started();
    const rest = await drain('edge-2');
    expect(rest).toMatchObject({
      bytes: 1_000_000 - 256 * 1024,
      message: 'site lab has fetched the 1000000 bytes that it may',
    });
    expect(await meter.admit('edge-1', 1)).toMatchObject({ waitMs: 3_600_000 });
    expect((await drain('edge-3')).bytes).toBe(1_000_000);
  });

  it('is kept for all of a rollout too, and begins anew the next day', async () => {
    const { id } = await roll({ rollout: { bytesPerDay: 500_000 }, site: { bytesPerDay: 400_000 } });
    expect((await drain('edge-1')).bytes).toBe(400_000);
    const last = await drain('edge-3');
    expect(last).toMatchObject({
      bytes: 100_000,
      message: `${id} has fetched the 500000 bytes that it may in a day`,
    });
    meter = started(last.waitMs);
    expect((await drain('edge-3')).bytes).toBe(400_000);
  });

  it('sets the pace for all of them together', async () => {
    await roll({ rollout: { bytesPerSecond: 10_000 } });
    expect(await meter.paceMs('edge-1', 20_000)).toBe(0);
    expect(await meter.paceMs('edge-3', 10_000)).toBe(2_000);
    expect(await meter.paceMs('edge-2', 10_000)).toBe(3_000);
  });

  it('is as much as anybody likes without a limit', async () => {
    await roll({});
    expect(await meter.isBounded('edge-1')).toBe(false);
    expect(await meter.admit('edge-1', 5_000_000)).toEqual({ bytes: 5_000_000 });
    expect(await meter.paceMs('edge-1', 5_000_000)).toBe(0);
  });
});
