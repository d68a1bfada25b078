import { CoveyError } from '@covey/protocol';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { findTarget, refreshMetadata } from './client.ts';
import { parseMetadata, type TopLevelRole } from './documents.ts';
import { SimulatedRepository, startMs } from './simulated-repository.fixture.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const numRuns = Number(process.env.COVEY_FUZZ_RUNS ?? 100);
/** 20,000 runs, the long form, make a million. */
const parsesPerRun = 52;
const timeoutMs = 60_000 + numRuns * 20;

let repository: SimulatedRepository;
const files = new Map<string, Uint8Array>();
const names = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json', '1.A.json'];

beforeAll(async () => {
  repository = await SimulatedRepository.create();
  repository.delegate('targets', 'A');
  repository.addTarget('A', 'file', 'content');
  repository.snapshot.meta['A.json'] = { version: 1 };
  await repository.bumpRoot();
  for (const name of names) files.set(name, (await repository.fetch(name)) ?? new Uint8Array());
});

/** Reads a repository of which one file is another's making, and tells how that ended. Anything but a CoveyError fails. */
async function outcome(name: string, bytes: Uint8Array): Promise<string> {
  const kept = new Map([['root.json', repository.roots[0] ?? new Uint8Array()]]);
  const options = {
    store: {
      read: async (path: string) => kept.get(path),
      write: async (path: string, content: Uint8Array) => void kept.set(path, content),
      remove: async (path: string) => void kept.delete(path),
    },
    fetch: async (path: string) => (path === name ? bytes : files.get(path)),
    now: startMs,
  };
  try {
    for await (const _ of findTarget(options, await refreshMetadata(options), 'file')) return 'found';
    return 'not found';
  } catch (error) {
    if (error instanceof CoveyError) return error.code;
    throw error;
  }
}

test('the repository is good before it is damaged', async () => {
  expect(await outcome('', new Uint8Array())).toBe('found');
});

test(
  'whatever one file says, the client ends with the target or with a code, and never takes what was not signed',
  async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, -1, 1e300, '', '__proto__', 2 ** 53),
      fc.integer(),
    );
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(10_000),
      value,
      noise: fc.uint8Array({ maxLength: 64 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ name, at, value, noise }) => {
        const good = files.get(name) ?? new Uint8Array();
        const text = new TextDecoder().decode(good);
        const replaced = Buffer.from(withValueAt(JSON.parse(text), at, value));
        const offset = at % good.byteLength;
        const torn = Buffer.concat([
          good.subarray(0, offset),
          noise,
          good.subarray(offset + noise.byteLength),
        ]);
        for (const bytes of [replaced, torn, noise]) {
          const ended = await outcome(name, bytes);
          // A change that leaves what is signed as it was (white space, another field outside) changes nothing.
          if (ended === 'found') expect(payloadOf(name, bytes)).toEqual(payloadOf(name, good));
          else expect(ended).toMatch(/^(TRUST_|PAYLOAD_|not found)/);
        }
      }),
      { numRuns },
    );
  },
  timeoutMs,
);

test(
  'parsing anything ends with metadata or TRUST_MALFORMED',
  () => {
    const kinds: TopLevelRole[] = ['root', 'timestamp', 'snapshot', 'targets'];
    const texts = names.map((name) => new TextDecoder().decode(files.get(name)));
    const damage = fc.record({ file: fc.nat(names.length - 1), at: fc.nat(100_000), value: fc.jsonValue() });
    let parsed = 0;
    fc.assert(
      fc.property(damage, ({ file, at, value }) => {
        const document: unknown = JSON.parse(texts[file] ?? '');
        for (let step = 0; step < parsesPerRun / kinds.length; step++) {
          const bytes = Buffer.from(withValueAt(document, at + step, value));
          for (const kind of kinds) {
            parsed++;
            try {
              parseMetadata(kind, bytes);
            } catch (error) {
              expect(error).toMatchObject({ code: 'TRUST_MALFORMED' });
            }
          }
        }
      }),
      { numRuns },
    );
    expect(parsed).toBe(numRuns * parsesPerRun);
  },
  timeoutMs,
);

test(
  'what the right keys have signed, however odd, ends the same way',
  async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, -1, 0, 2 ** 53, '', 'x'.repeat(600)),
      fc.integer(),
    );
    const damage = fc.record({
      role: fc.constantFrom('timestamp', 'snapshot', 'targets', 'A'),
      at: fc.nat(10_000),
      value,
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ role, at, value }) => {
        const odd = await SimulatedRepository.create();
        const name = role === 'timestamp' ? 'timestamp.json' : `1.${role}.json`;
        const good = files.get(name);
        if (!good) throw new Error(`there is no ${name}`);
        const { signed } = JSON.parse(new TextDecoder().decode(good));
        const changed = JSON.parse(withValueAt(signed, at, value));
        odd.signers.set('odd', repository.signers.get(role) ?? []);
        odd.targets.set('odd', changed);
        const bytes = await odd.fetch('1.odd.json').catch(() => undefined);
        // Without a canonical form nothing can be signed.
        if (bytes) expect(await outcome(name, bytes)).toMatch(/^(TRUST_|PAYLOAD_|not found|found)/);
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  },
  timeoutMs,
);

function payloadOf(name: string, bytes: Uint8Array): Uint8Array {
  const kind = (/^(?:\d+\.)?(root|timestamp|snapshot)\./.exec(name)?.[1] ?? 'targets') as TopLevelRole;
  return parseMetadata(kind, bytes).payload;
}

/** The document as JSON with its n-th value, counted through the whole tree, replaced by another. */
function withValueAt(document: unknown, at: number, replacement: unknown): string {
  let total = 0;
  JSON.stringify(document, (_key, value: unknown) => {
    total++;
    return value;
  });
  let position = 0;
  return JSON.stringify(document, (_key, value: unknown) =>
    position++ === at % total ? replacement : value,
  );
}
