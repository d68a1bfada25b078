import { expect, test } from 'vitest';
import { findTarget, refreshMetadata } from './client.ts';
import type { Targets } from './documents.ts';
import { holdersOf, nextTargets, signDocument, targetPath, withDelegation, withTarget } from './publish.ts';
import { firstUpload } from './publisher.ts';
import { type Publication, publishUpload, type Repository } from './repository.ts';
import { newSigner, startMs } from './simulated-repository.fixture.ts';

const versionsPerModel = 20;
const target = { length: 20_000, hashes: { sha256: 'a'.repeat(64) }, custom: { securityCounter: 0 } };

/*
 * What a device fetches for one new version, in bytes: `first`, with nothing kept; `next`, of a model that was published before;
 * `none`, when nothing is new. The rows of the table in the README.
 */
test.each([
  [1, { first: 7_300, next: 4_900, none: 600 }],
  [100, { first: 30_000, next: 9_100, none: 600 }],
  [1_000, { first: 240_000, next: 48_000, none: 600 }],
])(
  '%i models of 20 versions',
  async (models, most) => {
    const [root, publisher, online] = [newSigner(), newSigner(), newSigner()];
    const one = (signer: typeof root) => ({ signers: [signer], threshold: 1 });
    const files = new Map<string, Uint8Array>();
    const take = ({ repository, files: added }: Publication) => {
      for (const { role, version, bytes } of added)
        files.set(role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`, bytes);
      return repository;
    };
    const upload = await firstUpload({ root: one(root), targets: one(publisher) }, online.key, startMs);
    let repository: Repository = take(await publishUpload(undefined, upload, online, startMs));
    const holders = holdersOf(repository.root.signed, 'targets');
    const names = Array.from({ length: models }, (_, index) => `model-${String(index).padStart(4, '0')}`);
    const top = names.reduce<Targets>(
      (targets, name) => withDelegation(targets, { ...holders, name, paths: [targetPath(name, '*')] }),
      nextTargets(repository.targets.get('targets')?.signed, startMs),
    );
    const roleOf = (name: string, count: number, before?: Targets) => {
      const versions = Array.from({ length: count }, (_, index) => targetPath(name, `1.${index}.0`));
      const next = nextTargets(before, startMs);
      return versions.reduce<Targets>((targets, path) => withTarget(targets, path, target), next);
    };
    const sign = (signed: Targets) => signDocument({ signed, signatures: [] }, [publisher]);
    const roles = await Promise.all(
      names.map(async (name) => [name, await sign(roleOf(name, versionsPerModel - 1))] as const),
    );
    const targets = { targets: await sign(top), ...Object.fromEntries(roles) };
    repository = take(await publishUpload(repository, { roots: [], targets }, online, startMs));
    const kept = new Map([['root.json', repository.root.bytes]]);
    const [model = ''] = names;
    const refresh = async (version: string) => {
      let bytes = 0;
      const options = {
        store: {
          read: async (name: string) => kept.get(name),
          write: async (name: string, content: Uint8Array) => void kept.set(name, content),
          remove: async (name: string) => void kept.delete(name),
        },
        fetch: async (name: string) => {
          const content = files.get(name);
          bytes += content?.byteLength ?? 0;
          return content;
        },
        now: startMs,
      };
      for await (const _ of findTarget(options, await refreshMetadata(options), targetPath(model, version)))
        return bytes;
      throw new Error(`${version} is not listed`);
    };
    const first = await refresh('1.0.0');
    const before = repository.targets.get(model)?.signed;
    const more = { [model]: await sign(roleOf(model, versionsPerModel, before)) };
    const startedMs = performance.now();
    take(await publishUpload(repository, { roots: [], targets: more }, online, startMs));
    const publishMs = performance.now() - startedMs;
    const next = await refresh('1.19.0');
    const none = await refresh('1.19.0');
    process.stdout.write(`${models} models: ${JSON.stringify({ first, next, none, publishMs })}\n`);
    expect(first).toBeLessThanOrEqual(most.first);
    expect(next).toBeLessThanOrEqual(most.next);
    expect(none).toBeLessThanOrEqual(most.none);
  },
  60_000,
);
