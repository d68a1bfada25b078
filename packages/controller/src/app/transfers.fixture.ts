import type { BundleFile, Manifest } from '@covey/protocol';
import { Soak } from '@covey/protocol/api';
import { setModelVersion } from '../fleet/index.ts';
import { createTransfers, type Transfers } from '../transfers/index.ts';
import { type DomainFixture, domainFixture, memoryLog } from './domain.fixture.ts';

export const waitMs = 60_000;

/** A domain with two devices, and the transfers of a controller that has just started on it. */
export class TransfersFixture {
  readonly domain: DomainFixture;
  transfers: Transfers;

  constructor(domain: DomainFixture) {
    this.domain = domain;
    this.transfers = this.start();
  }

  async close(): Promise<void> {
    await this.transfers.stop();
    await this.domain.close();
  }

  /** The transfers of a controller that starts on what is stored. */
  start(quotaBytes = 1e9): Transfers {
    const { storage, world, log } = this.domain;
    this.transfers = createTransfers({ storage, clock: world.clock, log: memoryLog(log), quotaBytes });
    return this.transfers;
  }

  /** As a device asks that waits for as long as it takes. */
  async ask(target: string, base: string | null, device = 'edge-1', patienceMs = waitMs) {
    const stored = await this.transfers.get(device, { target, base }, patienceMs);
    return stored && (await stored.read(0, stored.sizeBytes));
  }

  /** Orders a version for a device. */
  want(device: string, version: string): Promise<number> {
    const { storage, world } = this.domain;
    const how = { soak: Soak.parse({}), force: false, setBy: { kind: 'operator' as const, id: 'test' } };
    return storage.transaction((tx) =>
      setModelVersion(tx, { device, model: 'bearing', version, ...how, now: world.clock.now() }),
    );
  }

  /** What a device says that it serves. */
  async serves(device: string, version: string): Promise<void> {
    const reported = JSON.stringify({ reported: { serving: [{ model: 'bearing', version }] } });
    await this.domain.storage.db.updateTable('devices').set({ reported }).where('id', '=', device).execute();
  }

  /** The blobs of transfers, and the bytes that rows name. */
  async kept(): Promise<{ blobs: number; rows: number }> {
    const rows = await this.domain.storage.db.selectFrom('transfers').select('sha256').execute();
    const named = rows.filter(({ sha256 }) => sha256 !== null);
    return { blobs: (await this.domain.storage.transferBlobs.list()).length, rows: named.length };
  }

  /** Damages a chunk of a file on the disk; the answer is what was there. */
  async damage(file: BundleFile): Promise<{ path: string; bytes: Uint8Array }> {
    const sha256 = file.chunks[0]?.sha256 ?? '';
    const path = `/blobs/${sha256.slice(0, 2)}/${sha256}`;
    const bytes = await this.domain.disk.read(path);
    if (!bytes) throw new Error('the chunk is there');
    await this.domain.disk.write(
      path,
      bytes.map((byte) => byte ^ 1),
    );
    return { path, bytes };
  }

  /** Transfers that were tried. */
  async noted(): Promise<number> {
    return (await this.domain.storage.db.selectFrom('transfers').selectAll().execute()).length;
  }

  /** Publishes a version and orders it for edge-1, and gives its file as the manifest describes it. */
  async publish(version: string, bytes: Uint8Array) {
    await this.domain.publish(version, { bytes });
    const { manifest } = await this.domain.storage.db
      .selectFrom('versions')
      .select('manifest')
      .where('version', '=', version)
      .executeTakeFirstOrThrow();
    const [file] = (JSON.parse(manifest) as Manifest).files;
    if (!file) throw new Error('a bundle has files');
    await this.want('edge-1', version);
    return file;
  }
}

export async function transfersFixture(): Promise<TransfersFixture> {
  return new TransfersFixture(await domainFixture(['edge-1', 'edge-2']));
}
