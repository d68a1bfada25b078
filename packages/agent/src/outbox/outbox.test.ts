import type { Ports } from '@covey/ports';
import { SimulatedDisk, type SimulatedWorld, simulatedWorld } from '@covey/ports/simulated';
import type { Reported } from '@covey/protocol';
import { decodeTelemetry } from '@covey/protocol/telemetry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OutboxLimits, openOutbox } from './outbox.ts';

const folder = '/outbox';
const silent: Ports['log'] = { write: () => {}, component: () => silent };

function bench(seed: string, limits: OutboxLimits = { messages: 1_000, bytes: 1e6 }, capacityBytes = 1e7) {
  const world = simulatedWorld(seed);
  const disk = new SimulatedDisk(world.random('disk'), capacityBytes);
  let life = 0;
  return {
    world,
    disk,
    /** Opens in a new life; calls of the life before never return. */
    open: async () => {
      const mine = ++life;
      const port = disk.port(async (operation) => {
        world.noteActivity();
        await Promise.resolve();
        if (mine !== life) return new Promise<never>(() => {});
        try {
          return operation();
        } catch (error) {
          if (mine !== life) return new Promise<never>(() => {});
          throw error;
        }
      });
      await port.makeFolder(folder);
      const ports = { disk: port, clock: world.clock, log: silent };
      return openOutbox(ports, { folder, bootId: `boot-${mine}`, flushMs: 10_000, limits });
    },
    cutPower: () => {
      life++;
      disk.powerCut();
    },
  };
}

function report(generation: number): Reported {
  return { generation, state: 'idle', probe: [], serving: [], releaseId: null, runtimeDeaths: 0 };
}
const log = (message: string) => ({
  kind: 'log' as const,
  log: { level: 'info', message, component: 'test' },
});

/** The controller's side: what came, by seq, and which stretches were declared lost. */
class Receiver {
  readonly received = new Map<number, string>();
  readonly lost: { from: number; to: number }[] = [];
  readonly conflicts: number[] = [];
  readonly order: number[] = [];
  #isDecoding = 0;
  publish = async (kind: string, payload: Uint8Array): Promise<void> => {
    this.#isDecoding++;
    await this.#accept(kind, payload);
    this.#isDecoding--;
  };
  /** Until all that arrived is decoded. */
  settle = async (world: SimulatedWorld): Promise<void> => {
    do await world.settle();
    while (this.#isDecoding > 0);
  };
  async #accept(kind: string, payload: Uint8Array): Promise<void> {
    const bytes = Buffer.from(payload).toString('base64');
    let seq: number;
    if (kind === 'reported') seq = JSON.parse(Buffer.from(payload).toString()).seq;
    else {
      const message = await decodeTelemetry(payload);
      seq = Number(message.seq);
      const dropped = message.body.case === 'event' ? message.body.value.dropped : undefined;
      if (dropped) this.lost.push({ from: Number(dropped.from), to: Number(dropped.to) });
    }
    if (this.received.has(seq) && this.received.get(seq) !== bytes) this.conflicts.push(seq);
    this.received.set(seq, bytes);
    this.order.push(seq);
  }
  unaccounted(): number[] {
    const upTo = Math.max(0, ...this.received.keys());
    return Array.from({ length: upTo }, (_, index) => index + 1).filter(
      (seq) => !this.received.has(seq) && !this.lost.some(({ from, to }) => from <= seq && seq <= to),
    );
  }
}

describe('the outbox', () => {
  it('keeps what was not receipted, in order, over a restart; only a receipt removes', async () => {
    const { world, open } = bench('order');
    const outbox = await open();
    for (let i = 1; i <= 5; i++) await outbox.put({ kind: 'reported', reported: report(i) });
    const first = new Receiver();
    outbox.attach(first.publish);
    await world.settle();
    expect(first.order).toEqual([1, 2, 3, 4, 5]);
    expect(outbox.count).toBe(5);
    await outbox.receipt({ upTo: 4, missing: [2] });
    const again = await open();
    const second = new Receiver();
    again.attach(second.publish);
    await world.settle();
    // Acknowledged messages of a segment still in use may come again; the controller knows them by their seq.
    expect(second.order).toEqual(expect.arrayContaining([2, 5]));
    expect(again.nextSeq).toBe(6);
  });

  it('sends again what a receipt misses, and all of it when no receipt comes', async () => {
    const { world, open } = bench('resend');
    const outbox = await open();
    for (let i = 1; i <= 3; i++) await outbox.put({ kind: 'reported', reported: report(i) });
    const receiver = new Receiver();
    outbox.attach(receiver.publish);
    await world.settle();
    await outbox.receipt({ upTo: 3, missing: [2] });
    await world.settle();
    expect(receiver.order).toEqual([1, 2, 3, 2]);
    await world.advance(31_000);
    expect(receiver.order).toEqual([1, 2, 3, 2, 2]);
  });

  it('writes telemetry after the interval, and state at once with all that waited before it', async () => {
    const { world, open, disk } = bench('flush');
    const outbox = await open();
    const idle = disk.changes;
    await outbox.put(log('one'));
    await world.advance(9_999);
    expect(disk.changes).toBe(idle);
    await world.advance(1);
    expect([disk.changes, outbox.count]).toEqual([idle + 1, 1]);
    await outbox.put(log('two'));
    await outbox.put({ kind: 'reported', reported: report(1) });
    expect([disk.changes, outbox.count]).toEqual([idle + 2, 3]);
  });

  it('evicts oldest telemetry first, never the newest report, and counts every loss', async () => {
    const { world, open } = bench('evict', { messages: 200, bytes: 1e6 });
    const outbox = await open();
    await outbox.put({ kind: 'reported', reported: report(1) });
    for (let i = 0; i < 1_000; i++) {
      await outbox.put(log(`line ${i}`));
      if (i % 10 === 0) await outbox.flush();
    }
    expect(outbox.count).toBeLessThanOrEqual(220);
    const receiver = new Receiver();
    outbox.attach(receiver.publish);
    await receiver.settle(world);
    expect(receiver.received.has(1)).toBe(true);
    expect(receiver.unaccounted()).toEqual([]);
    expect(receiver.lost.length).toBeGreaterThan(0);
  });

  it('goes on when a full disk has room again, without an unaccounted hole', async () => {
    const { world, open, disk } = bench('full');
    const outbox = await open();
    await outbox.put({ kind: 'reported', reported: report(1) });
    disk.capacityBytes = disk.usedBytes + 20;
    for (let i = 0; i < 200; i++) await outbox.put(log(`line ${i}`));
    await outbox.put({ kind: 'reported', reported: report(2) });
    disk.capacityBytes = 1e7;
    await world.advance(30_000);
    await outbox.flush();
    const receiver = new Receiver();
    outbox.attach(receiver.publish);
    await receiver.settle(world);
    expect(receiver.unaccounted()).toEqual([]);
    expect(receiver.conflicts).toEqual([]);
    const texts = [...receiver.received.values()].map((bytes) => Buffer.from(bytes, 'base64').toString());
    expect(texts.some((text) => text.includes('"generation":2'))).toBe(true);
  });

  it('never gives a seq twice and accounts for every one, over any history of power cuts and damage', async () => {
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.constant('report' as const) },
      { weight: 5, arbitrary: fc.constant('log' as const) },
      { weight: 2, arbitrary: fc.constantFrom('flush', 'receipt', 'attach', 'detach') },
      { weight: 2, arbitrary: fc.constantFrom('cut', 'cut-during', 'damage') },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), fc.nat(), async (actions, seed) => {
        const { world, open, disk, cutPower } = bench(`cuts/${seed}`);
        const random = world.random('choices');
        const receiver = new Receiver();
        let outbox = await open();
        const restart = async () => {
          cutPower();
          disk.fault = () => 'none';
          outbox = await open();
        };
        for (const [index, what] of actions.entries()) {
          if (what === 'report') await outbox.put({ kind: 'reported', reported: report(index) });
          if (what === 'log') await outbox.put(log(`line ${index}`));
          if (what === 'flush') await outbox.flush();
          if (what === 'attach') outbox.attach(receiver.publish);
          if (what === 'detach') outbox.detach();
          if (what === 'cut') await restart();
          if (what === 'cut-during') {
            disk.onCut = cutPower;
            disk.fault = () => 'cut-during';
            void outbox.put({ kind: 'reported', reported: report(index) });
            await world.settle();
            await restart();
          }
          if (what === 'damage') {
            const path = disk.paths().findLast((name) => name.endsWith('.seg'));
            const file = path === undefined ? undefined : await disk.port(async (read) => read()).read(path);
            if (path && file?.byteLength) {
              cutPower();
              disk.damage(path, Math.floor(random.fraction() * file.byteLength));
              outbox = await open();
            }
          }
          await receiver.settle(world);
          if (what === 'receipt' && receiver.received.size > 0) {
            const upTo = Math.max(...receiver.received.keys());
            await outbox.receipt({ upTo, missing: receiver.unaccounted() });
          }
        }
        outbox.attach(receiver.publish);
        await outbox.put({ kind: 'reported', reported: report(1_000) });
        for (let round = 0; round < 3; round++) {
          await receiver.settle(world);
          const upTo = Math.max(...receiver.received.keys());
          await outbox.receipt({ upTo, missing: receiver.unaccounted() });
        }
        await world.advance(40_000);
        await receiver.settle(world);
        expect(receiver.conflicts).toEqual([]);
        expect(receiver.unaccounted()).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
