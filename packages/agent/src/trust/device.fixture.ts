import { type Bundle, sha256 } from '@covey/bundle';
import { encodeDocument, type Signer, signDocument, type Targets, withTarget } from '@covey/bundle/tuf';
import type { Fetch } from '@covey/ports';
import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError, type ModelVersionRef } from '@covey/protocol';
import { online, TestRepository } from '../repository.fixture.ts';
import { makeBundle } from '../simulation.fixture.ts';
import { initialUpdate } from '../update/index.ts';
import { createTrust } from './trust.ts';

export const dayMs = 86_400_000;
export const folder = '/data/trust';

/** A device that asks a server which is honest until its files are replaced. */
export async function newDevice(tags: Record<string, string> = {}) {
  const world = simulatedWorld('trust');
  const skew = { ms: 0 };
  const clock = { ...world.clock, now: () => world.clock.now() + skew.ms };
  const repository = new TestRepository(world.clock);
  const served: ReadonlyMap<string, Uint8Array>[] = [repository.files];
  const fetch: Fetch = async ({ url, maxBytes }) => {
    const name = new URL(url).pathname.slice('/trust/'.length);
    const body = served.at(-1)?.get(name);
    if (!body) return { status: 404, headers: {}, body: new Uint8Array() };
    if (body.byteLength > maxBytes) throw new CoveyError('PAYLOAD_TOO_LARGE', name);
    return { status: 200, headers: {}, body };
  };
  const disk = new SimulatedDisk(world.random('disk'), 1e8);
  const port = disk.port(async (operation) => operation());
  const ledger = { update: { ...initialUpdate, securityCounters: {} as Record<string, number> } };
  const urls = { mqttUrl: 'mqtts://controller:8883', deviceUrl: 'https://controller:8443' };
  const pems = { keyPem: 'key', certificatePem: 'certificate', caPem: 'ca' };
  const pinnedRoot = await repository.firstRoot();
  const identity = { deviceId: 'device-1', ...urls, tags, ...pems, pinnedRoot };
  const start = () => createTrust({ disk: port, fetch, clock }, { identity, folder, ledger });
  let trust = start();
  return {
    world,
    skew,
    repository,
    disk,
    ledger,
    /** What the server gives from now on. */
    serve: (files: ReadonlyMap<string, Uint8Array>) => served.push(files),
    restart: () => {
      trust = start();
    },
    heard: (now: number) => trust.heardTime(now),
    /** `ok`, or the code of the error. */
    authorize: (bundle: Bundle) =>
      trust.authorize(refOf(bundle), new AbortController().signal).then(
        () => 'ok',
        (error: unknown) => {
          if (error instanceof CoveyError) return error.code;
          throw error;
        },
      ),
  };
}

export function refOf({ manifest, digest }: Bundle): ModelVersionRef {
  return { model: manifest.model, version: manifest.version, number: 1, bundle: digest };
}

export const one = makeBundle('1.0.0');
export const two = makeBundle('2.0.0');
export const evil = makeBundle('6.6.6');

/** The targets of a role as they are in force. */
export function targetsOf(repository: TestRepository, role: string): Targets {
  const metadata = repository.current.targets.get(role);
  if (!metadata) throw new Error(`nothing was published for ${role}`);
  return metadata.signed;
}

export function listing(targets: Targets, { manifest, manifestBytes }: Bundle): Targets {
  const hashes = { sha256: sha256(manifestBytes) };
  const custom = { securityCounter: manifest.securityCounter };
  const target = { length: manifestBytes.byteLength, hashes, custom };
  return withTarget(targets, `${manifest.model}/${manifest.version}`, target);
}

/** Signs anything as the holder of these keys would. */
export async function signedBy(signed: unknown, ...signers: Signer[]): Promise<Uint8Array> {
  return encodeDocument(await signDocument({ signed, signatures: [] }, signers));
}

/**
 * Whoever has broken into the controller: all it holds is the online key. It serves `files` with a snapshot and a timestamp of its
 * own making over them, as far ahead as it likes.
 */
export async function withStolenOnlineKey(
  repository: TestRepository,
  files: Record<string, { version: number; bytes: Uint8Array }>,
  change: { timestamp?: object; snapshot?: object } = {},
): Promise<Map<string, Uint8Array>> {
  const { snapshot, timestamp } = repository.current.online;
  const version = snapshot.signed.version + 1;
  const listed = Object.entries(files).map(([role, file]) => [`${role}.json`, { version: file.version }]);
  const meta = { ...snapshot.signed.meta, ...Object.fromEntries(listed) };
  const newSnapshot = await signedBy({ ...snapshot.signed, version, meta, ...change.snapshot }, online);
  const newTimestamp = {
    ...timestamp.signed,
    version: timestamp.signed.version + 1,
    meta: { 'snapshot.json': { version } },
    ...change.timestamp,
  };
  const served = new Map(repository.files);
  for (const [role, file] of Object.entries(files)) served.set(`${file.version}.${role}.json`, file.bytes);
  served.set(`${version}.snapshot.json`, newSnapshot);
  return served.set('timestamp.json', await signedBy(newTimestamp, online));
}
