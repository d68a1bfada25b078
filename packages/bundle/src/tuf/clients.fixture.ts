import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoveyError } from '@covey/protocol';
import { BaseFetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { onTestFinished, vi } from 'vitest';
import { findTarget, refreshMetadata } from './client.ts';
import { SimulatedRepository, startMs } from './simulated-repository.fixture.ts';
import type { MetadataStore } from './stored.ts';

/** Versions of trusted metadata by role, as a client has kept them. */
export type Versions = Record<string, number>;

/** How something ended: `ok`, or the code of ours; of theirs whether it failed. */
export interface Outcome {
  ours: string;
  theirs: 'ok' | 'failed';
}

function memoryStore(files: Map<string, Uint8Array>): MetadataStore {
  return {
    read: async (name) => files.get(name),
    write: async (name, bytes) => void files.set(name, bytes),
    remove: async (name) => void files.delete(name),
  };
}

/** Our client and tuf-js before the same repository at the same time. */
export class Clients {
  readonly repository: SimulatedRepository;
  readonly files = new Map<string, Uint8Array>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'covey-tuf-'));
  now = startMs;

  static async start(): Promise<Clients> {
    const clients = new Clients(await SimulatedRepository.create());
    clients.init();
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
      rmSync(clients.#folder, { recursive: true });
    });
    return clients;
  }

  private constructor(repository: SimulatedRepository) {
    this.repository = repository;
  }

  /** Both begin to trust from a root, the first of the repository unless told otherwise. */
  init(root = this.repository.roots[0] ?? new Uint8Array()): void {
    this.files.set('root.json', root);
    writeFileSync(join(this.#folder, 'root.json'), root);
  }

  refresh(): Promise<Outcome> {
    return this.#both(
      async () => void (await refreshMetadata(this.#options())),
      (updater) => updater.refresh(),
    );
  }

  /** `ok` where both find the target. */
  find(path: string): Promise<Outcome> {
    return this.#both(
      async () => {
        const options = this.#options();
        for await (const _ of findTarget(options, await refreshMetadata(options), path)) return;
        throw new CoveyError('TRUST_UNKNOWN', 'not found');
      },
      async (updater) => {
        if (!(await updater.getTargetInfo(path))) throw new Error('not found');
      },
    );
  }

  /** What ours has kept. Fails unless tuf-js has kept the same. */
  versions(): Versions {
    const ours = Object.fromEntries([...this.files].map(([name, bytes]) => [name, versionOf(bytes)]));
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.json'));
    const theirs = Object.fromEntries(
      names.map((name) => [name, versionOf(readFileSync(join(this.#folder, name)))]),
    );
    const text = (versions: Versions) => JSON.stringify(Object.entries(versions).sort());
    if (text(ours) !== text(theirs)) throw new Error(`ours kept ${text(ours)}, tuf-js ${text(theirs)}`);
    return this.ownVersions();
  }

  /** For the cases where the two differ, and why is said there. */
  ownVersions(): Versions {
    return Object.fromEntries(
      [...this.files].map(([name, bytes]) => [
        decodeURIComponent(name.replace(/\.json$/, '')),
        versionOf(bytes),
      ]),
    );
  }

  #options() {
    const { repository, now } = this;
    const fetch = async (name: string, maxBytes: number) => {
      const bytes = await repository.fetch(name);
      if (bytes && bytes.byteLength > maxBytes) throw new CoveyError('PAYLOAD_TOO_LARGE', name);
      return bytes;
    };
    return { store: memoryStore(this.files), fetch, now };
  }

  async #both(ours: () => Promise<void>, theirs: (updater: Updater) => Promise<unknown>): Promise<Outcome> {
    this.repository.requests.length = 0;
    const outcome = await ours().then(
      () => 'ok',
      (error: unknown) => {
        if (error instanceof CoveyError) return error.code;
        throw error;
      },
    );
    const asked = [...this.repository.requests];
    vi.setSystemTime(this.now);
    const other = await Promise.resolve()
      .then(() => theirs(this.#updater()))
      .then(
        () => 'ok' as const,
        () => 'failed' as const,
      );
    this.repository.requests.splice(0, Number.POSITIVE_INFINITY, ...asked);
    return { ours: outcome, theirs: other };
  }

  #updater(): Updater {
    const { repository } = this;
    class Fetcher extends BaseFetcher {
      async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
        const bytes = await repository.fetch(url.slice('https://repository/'.length));
        if (!bytes) throw new DownloadHTTPError('there is none', 404);
        return new Blob([Buffer.from(bytes)]).stream();
      }
    }
    return new Updater({
      metadataDir: this.#folder,
      metadataBaseUrl: 'https://repository',
      fetcher: new Fetcher() as never,
    });
  }
}

export const bothOk: Outcome = { ours: 'ok', theirs: 'ok' };
export const bothRefuse = (code: string): Outcome => ({ ours: code, theirs: 'failed' });

function versionOf(bytes: Uint8Array): number {
  return (JSON.parse(new TextDecoder().decode(bytes)) as { signed: { version: number } }).signed.version;
}
