import { encodeTelemetry } from '@covey/protocol/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceView } from '../fleet/index.ts';
import { listEvents, pruneTelemetry } from '../monitoring/index.ts';
import { type DomainFixture, domainFixture } from './domain.fixture.ts';

let fixture: DomainFixture;
beforeEach(async () => {
  fixture = await domainFixture(['edge-1', 'edge-2']);
});
afterEach(() => fixture.close());

type Body = NonNullable<Parameters<typeof encodeTelemetry>[0]['body']>;
async function send(
  device: string,
  kind: 'event' | 'log' | 'metrics',
  body: Body,
  atMs = 1_000,
): Promise<void> {
  const seq = BigInt(fixture.fleet.nextSeq(device));
  await fixture.fleet.send(device, kind, await encodeTelemetry({ seq, bootId: 'boot', atMs, body }));
}

describe('what devices tell', () => {
  it('is kept: events, losses, and log lines that warn', async () => {
    await send('edge-1', 'event', {
      case: 'event',
      value: { kind: 'reverted', message: 'went back', model: 'bearing' },
    });
    const dropped = { from: 5n, to: 9n, kind: 'metrics', count: 5 };
    await send('edge-1', 'event', { case: 'event', value: { kind: 'dropped', message: '', dropped } });
    const lost = { from: 10n, to: 11n, kind: 'unknown', count: 2 };
    await send('edge-1', 'event', { case: 'event', value: { kind: 'dropped', message: '', dropped: lost } });
    await send('edge-1', 'log', { case: 'log', value: { level: 'info', component: 'link', message: 'up' } });
    await send('edge-1', 'log', {
      case: 'log',
      value: { level: 'warn', component: 'link', message: 'slow' },
    });
    const events = await listEvents(fixture.storage.db, { device: 'edge-1', limit: 10 });
    expect(events.map(({ kind, message, model }) => [kind, message, model])).toEqual([
      ['log-warn', 'link: slow', null],
      ['dropped', "2 messages were lost, the outbox was damaged on the device's disk (10 to 11)", null],
      ['dropped', '5 metrics messages were lost, the outbox was full (5 to 9)', null],
      ['reverted', 'went back', 'bearing'],
    ]);
  });

  it('shows in the view of the device, and an older report does not replace a newer one', async () => {
    const system = {
      agentRssBytes: 5,
      runtimeRssBytes: 6,
      cpu: 0.5,
      freeDiskBytes: 7,
      outboxMessages: 1,
      runtimeDeaths: 0,
    };
    await send('edge-1', 'metrics', { case: 'metrics', value: { fromMs: 1, toMs: 2, models: [], system } });
    const late = fixture.fleet.nextSeq('edge-1');
    await fixture.fleet.report('edge-1', 'committed', { runtimeDeaths: 2 });
    const reported = {
      generation: 0,
      state: 'idle',
      probe: [],
      serving: [],
      releaseId: null,
      runtimeDeaths: 1,
    };
    await fixture.fleet.send('edge-1', 'reported', { seq: late, bootId: 'boot', at: 1, reported });
    const view = await deviceView(fixture.storage.db, 'edge-1');
    expect(view.system).toMatchObject({ at: 2, agentRssBytes: 5 });
    expect(view.reported).toMatchObject({ state: 'committed', runtimeDeaths: 2 });
    expect(view.hardware).toMatchObject({ agentVersion: '0.1.0', cores: 2 });
    expect(view.online).toBe(true);
    await fixture.fleet.send('edge-1', 'death', { bootId: 'boot' });
    expect((await deviceView(fixture.storage.db, 'edge-1')).online).toBe(false);
  });

  it('is bounded in rows per device, oldest first', async () => {
    const row = { at: 1, kind: 'e', model: null, version: null };
    const insert = (device: string, count: number) =>
      fixture.storage.transaction(async (tx) => {
        for (let i = 0; i < count; i++)
          await tx
            .insertInto('events')
            .values({ ...row, device, message: `${i}` })
            .execute();
      });
    await insert('edge-1', 1_250);
    await insert('edge-2', 20);
    expect(await pruneTelemetry(fixture.storage, null)).toBeNull();
    const first = await listEvents(fixture.storage.db, { device: 'edge-1', limit: 2_000 });
    expect([first.length, first.at(-1)?.message]).toEqual([1_000, '250']);
    expect(await listEvents(fixture.storage.db, { device: 'edge-2', limit: 100 })).toHaveLength(20);
  });
});
