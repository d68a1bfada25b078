import { createHash } from 'node:crypto';
import { type Bundle, buildBundle } from '@covey/bundle';
import { encodeTransfer } from '@covey/bundle/transfer';
import type { FetchAnswer, FetchRequest, Link, Log, Processes } from '@covey/ports';
import {
  type SimulatedMachine,
  type SimulatedWorld,
  simulatedFetch,
  simulatedMachine,
  simulatedWorld,
} from '@covey/ports/simulated';
import { type BundleFile, type DeliveryPolicy, openDelivery } from '@covey/protocol';
import { type BundleStore, openBundleStore } from '../bundles/index.ts';
import { type DeliveryOptions, openPassage } from '../delivery/index.ts';
import { createDownloader } from './download.ts';

export const root = '/data/covey';
const folder = `${root}/bundles`;
const host = { providers: ['cpu' as const], memoryBytes: 1e9, agentVersion: '0.1.0', opsets: { '': 26 } };
const identity = {
  deviceId: 'edge-1',
  mqttUrl: 'mqtts://controller:8883',
  deviceUrl: 'https://controller:8443',
  tags: {},
  keyPem: 'key',
  certificatePem: 'certificate',
  caPem: 'ca',
  pinnedRoot: new Uint8Array(0),
};

/** Bytes that nothing makes smaller, the same for the same seed. */
export function noise(seed: string, sizeBytes: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 32) }, (_, at) =>
    createHash('sha256').update(`${seed}/${at}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** Noise that can be made smaller by a quarter: of 64 values. */
export function murmur(seed: string, sizeBytes: number): Uint8Array {
  return noise(seed, sizeBytes).map((byte) => byte & 0x3f);
}

/** A version whose one large file is `bytes`. */
export function bundleOf(version: string, bytes: Uint8Array, createdAt = '2026-01-01T00:00:00Z'): Bundle {
  const tensor = { name: 'x', datatype: 'FP32' as const, shape: [1] };
  return buildBundle({
    model: 'vibration',
    version,
    createdAt,
    securityCounter: 0,
    schema: { inputs: [tensor], outputs: [{ ...tensor, name: 'y' }] },
    variants: [{ name: 'fp32', bytes, tolerances: [{ kind: 'elements', absolute: 0, relative: 0 }] }],
  });
}

/** Coding one takes its time: each is made once, for all tests. */
const transfers = new Map<string, Uint8Array>();

/** What a controller has for devices. */
export class Shelf {
  readonly #bundles: Bundle[] = [];
  /** Whether it makes transfers: of large files that takes seconds. */
  hasTransfers = true;
  /** What a transfer becomes on the way. */
  spoil: (bytes: Uint8Array, isDelta: boolean) => Uint8Array = (bytes) => bytes;

  add(...bundles: Bundle[]): void {
    this.#bundles.push(...bundles);
  }

  answer: (request: Pick<FetchRequest, 'url'>) => FetchAnswer = ({ url }) => {
    const { pathname, searchParams } = new URL(url);
    const [, what, digest = ''] = pathname.split('/');
    const body = this.#find(what, digest, searchParams.get('from'));
    return body ? { status: 200, headers: {}, body } : { status: 404, headers: {}, body: new Uint8Array(0) };
  };

  #find(what: string | undefined, digest: string, from: string | null): Uint8Array | undefined {
    if (what === 'bundles') return this.#bundles.find((bundle) => bundle.digest === digest)?.manifestBytes;
    if (what === 'chunks') return this.#bundles.map((bundle) => bundle.chunks.get(digest)).find(Boolean);
    const transfer = this.hasTransfers ? this.#transfer(digest, from) : undefined;
    return transfer && this.spoil(transfer, from !== null);
  }

  #transfer(digest: string, from: string | null): Uint8Array | undefined {
    const name = `${digest}/${from}`;
    const known = transfers.get(name);
    const file = this.#file(digest);
    const base = from === null ? undefined : this.#file(from);
    if (known || !file || (from !== null && !base)) return known;
    const made = encodeTransfer(
      { bytes: file.bytes, tensors: [] },
      file,
      base && { bytes: base.bytes, tensors: [] },
    );
    transfers.set(name, made);
    return made;
  }

  #file(sha256: string) {
    for (const { manifest, chunks } of this.#bundles) {
      const file = manifest.files.find((candidate) => candidate.sha256 === sha256);
      if (file)
        return {
          ...file,
          bytes: Buffer.concat(file.chunks.map((chunk) => chunks.get(chunk.sha256) ?? new Uint8Array(0))),
        };
    }
    return undefined;
  }
}

export interface DownloadDevice {
  world: SimulatedWorld;
  machine: SimulatedMachine;
  network: ReturnType<typeof simulatedFetch>;
  shelf: Shelf;
  /** A fresh process: opens the store and brings the bundle to the disk. */
  fetch(digest: string, options?: FetchTry): Promise<BundleStore>;
  /** The store, as a fresh process finds it. */
  open(): Promise<BundleStore>;
}
export interface FetchTry {
  policy?: Partial<DeliveryPolicy>;
  needed?: string[];
  quotaBytes?: number;
  delivery?: Partial<DeliveryOptions>;
  /** Files found to be damaged before. */
  damaged?: BundleFile[];
}

/** A device as far as downloads are concerned: the real store, delivery and downloader on a simulated disk and network. */
export function downloadDevice(seed: string | number, diskBytes = 512 * 1024 * 1024): DownloadDevice {
  const world = simulatedWorld(seed);
  const shelf = new Shelf();
  const network = simulatedFetch(world, (request) => shelf.answer(request));
  const nothing = {} as Link & Processes;
  const plugs = {
    link: nothing,
    processes: nothing,
    fetch: (request: FetchRequest) => network.fetch(request),
    log: {} as Log,
  };
  const machine = simulatedMachine(world, { name: 'edge-1', diskBytes, ...plugs });
  const open = async (disk = machine.boot().disk) => {
    await disk.makeFolder(`${root}/state`);
    return openBundleStore(disk, folder);
  };
  return {
    world,
    machine,
    network,
    shelf,
    open: () => open(),
    fetch: async (digest, { policy, needed = [], quotaBytes, delivery, damaged = [] } = {}) => {
      const ports = machine.boot();
      const store = await open(ports.disk);
      for (const file of damaged) store.markDamaged(file);
      const options = {
        folder: root,
        stateFolder: `${root}/state`,
        isMetered: false,
        timeZone: 'UTC',
        ...delivery,
      };
      const order = {
        setBy: { kind: 'rollout' as const, id: 'rollout-1' },
        setAt: world.clock.now(),
        now: world.clock.now(),
        delivery: { ...openDelivery, ...policy },
      };
      const passage = await openPassage(ports, { deviceId: 'edge-1', ...options }, order);
      const downloader = createDownloader(ports, store, {
        folder,
        identity,
        host: () => host,
        quotaBytes: quotaBytes ?? null,
      });
      const { signal } = new AbortController();
      await downloader.fetchBundle(digest, { passage, needed, signal, onProgress: () => {} });
      return store;
    },
  };
}

/** Runs virtual time until the promise has settled, and gives its outcome. */
export async function settle<T>(world: SimulatedWorld, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => {
    isSettled = true;
  });
  watched.catch(() => {});
  await world.runUntil(() => isSettled, 10 * 86_400_000);
  return watched;
}

/** Its one large file. */
export const fileOf = ({ manifest }: Bundle) => {
  const [file] = manifest.files;
  if (!file) throw new Error('the bundle has a file');
  return file;
};
const bytesOf = (bundle: Bundle) =>
  Buffer.concat(fileOf(bundle).chunks.map(({ sha256 }) => bundle.chunks.get(sha256) ?? new Uint8Array(0)));
/** Whether all of it lies in the store. */
export const isOnDisk = async ({ machine }: DownloadDevice, bundle: Bundle) => {
  const bytes = await machine.boot().disk.read(`${root}/bundles/files/${fileOf(bundle).sha256}`);
  return bytes !== undefined && bytesOf(bundle).equals(bytes);
};
