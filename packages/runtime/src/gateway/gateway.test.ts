import { streamLog, systemDisk } from '@covey/ports';
import { type SimulatedWorld, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError, type InferenceCaller } from '@covey/protocol';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { tokenDigest } from './bearer.ts';
import { type Callers, LimitError } from './caller.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { accessFolder, sha256 } from './network.fixture.ts';
import { callersIn } from './tokens.ts';

const runs = { numRuns: Number(process.env.COVEY_FUZZ_RUNS ?? 500) };
const opened: { gateway: Gateway; folder: Awaited<ReturnType<typeof accessFolder>> }[] = [];
afterEach(async () => {
  for (const { gateway, folder } of opened.splice(0)) {
    await gateway.close();
    await folder.remove();
  }
});

const tokens = { ann: 'secret-of-ann', bob: 'secret-of-bob' };
const caller = (name: keyof typeof tokens, limits: Partial<InferenceCaller> = {}): InferenceCaller => ({
  name,
  sha256: sha256(tokens[name]),
  ...limits,
});

async function gatewayOf(callers: InferenceCaller[]) {
  const world = simulatedWorld(1);
  const folder = await accessFolder(callers);
  const lines: string[] = [];
  const log = streamLog({ write: (line) => lines.push(line) }, world.clock, 'info');
  const open = async () => {
    const gateway = await openGateway({ clock: world.clock, disk: systemDisk, log }, folder.access);
    opened.push({ gateway, folder: { ...folder, remove: async () => {} } });
    return gateway;
  };
  const gateway = await openGateway({ clock: world.clock, disk: systemDisk, log }, folder.access);
  opened.push({ gateway, folder });
  return { world, folder, lines, gateway, open };
}

const ask = (callers: Callers, name: keyof typeof tokens) =>
  callers.identify(`Bearer ${tokens[name]}`, '192.0.2.1');

/** The code that a call ends with; `admitted` and how to end it where it does not. */
function outcome(callers: Callers, name: keyof typeof tokens): string {
  try {
    ask(callers, name).admit()();
    return 'admitted';
  } catch (error) {
    return error instanceof CoveyError ? error.code : String(error);
  }
}

/** Files are read by the real system while time is virtual. */
async function until(world: SimulatedWorld, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1_000) throw new Error('the condition never held');
    await world.advance(100);
  }
}

test('a token is known by its hash; others, none and expired ones are not', async () => {
  const expiresAt = new Date(simulatedWorld(1).clock.now() + 10_000).toISOString();
  const { gateway, world } = await gatewayOf([caller('ann', { expiresAt })]);
  expect(ask(gateway.remote, 'ann').name).toBe('ann');
  for (const header of [undefined, '', 'Bearer', 'Bearer x', 'Basic YTpi', sha256(tokens.ann)]) {
    expect(() => gateway.remote.identify(header, 'x')).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  }
  const before = ask(gateway.remote, 'ann');
  await world.advance(10_000);
  expect(outcome(gateway.remote, 'ann')).toBe('UNAUTHENTICATED');
  expect(() => before.admit()).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
});

test('rate, with the seconds to wait; another caller is not touched by it', async () => {
  const { gateway, world } = await gatewayOf([
    caller('ann', { requestsPerSecond: 0.5, burst: 2 }),
    caller('bob'),
  ]);
  const ann = [1, 2, 3].map(() => outcome(gateway.remote, 'ann'));
  expect(ann).toEqual(['admitted', 'admitted', 'RATE_LIMITED']);
  expect(outcome(gateway.remote, 'bob')).toBe('admitted');
  await world.advance(500);
  const waiting = () => ask(gateway.remote, 'ann').admit();
  expect(waiting).toThrow(LimitError);
  expect(waiting).toThrow(expect.objectContaining({ retryAfterSeconds: 2 }));
  await world.advance(1_500);
  expect(outcome(gateway.remote, 'ann')).toBe('admitted');
});

test('so many requests at a time; a place is given back once', async () => {
  const { gateway } = await gatewayOf([caller('ann', { concurrency: 2 })]);
  const over = ask(gateway.remote, 'ann').admit();
  ask(gateway.remote, 'ann').admit();
  expect(outcome(gateway.remote, 'ann')).toBe('RATE_LIMITED');
  over();
  over();
  ask(gateway.remote, 'ann').admit();
  expect(outcome(gateway.remote, 'ann')).toBe('RATE_LIMITED');
});

test('the quota of a day outlives a restart and ends at midnight; what was refused is not counted', async () => {
  const { gateway, open, world } = await gatewayOf([caller('ann', { requestsPerDay: 3, concurrency: 1 })]);
  const over = ask(gateway.remote, 'ann').admit();
  for (let i = 0; i < 10; i++) expect(outcome(gateway.remote, 'ann')).toBe('RATE_LIMITED');
  over();
  expect(outcome(gateway.remote, 'ann')).toBe('admitted');
  await gateway.close();
  const again = await open();
  expect(outcome(again.remote, 'ann')).toBe('admitted');
  expect(() => ask(again.remote, 'ann').admit()).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXHAUSTED', retryAfterSeconds: 86_400 }),
  );
  await world.advance(86_400_000);
  expect(outcome(again.remote, 'ann')).toBe('admitted');
});

test('models and administration', async () => {
  const { gateway } = await gatewayOf([caller('ann', { models: ['m'] }), caller('bob', { admin: true })]);
  const ann = ask(gateway.remote, 'ann');
  ann.check('server');
  ann.check({ model: 'm' });
  const refused = expect.objectContaining({ code: 'FORBIDDEN' });
  for (const reach of ['models', 'administration', { model: 'n' }] as const) {
    expect(() => ann.check(reach)).toThrow(refused);
  }
  for (const reach of ['models', 'administration', { model: 'n' }] as const)
    ask(gateway.remote, 'bob').check(reach);
  gateway.local.identify(undefined, undefined).check('administration');
});

test('programs on this machine need no token; the entry local limits them', async () => {
  const { gateway } = await gatewayOf([{ name: 'local', concurrency: 1 }, caller('ann')]);
  const over = gateway.local.identify(undefined, undefined).admit();
  expect(() => gateway.local.identify(undefined, undefined).admit()).toThrow(LimitError);
  over();
});

test('a changed file counts from then on; one that is wrong changes nothing', async () => {
  const { gateway, folder, world, lines } = await gatewayOf([caller('ann')]);
  const ann = ask(gateway.remote, 'ann');
  await folder.writeTokens([caller('bob')]);
  await until(world, () => outcome(gateway.remote, 'bob') === 'admitted');
  expect(() => ann.admit()).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
  await folder.writeTokens('[{"name":"ann"}]');
  await until(world, () => lines.some((line) => line.includes('is not taken')));
  expect(outcome(gateway.remote, 'bob')).toBe('admitted');
});

test('a file that others may read is refused', async () => {
  const folder = await accessFolder([caller('ann')]);
  const { chmod } = await import('node:fs/promises');
  await chmod(folder.access.tokensPath, 0o640);
  const world = simulatedWorld(1);
  const log = streamLog({ write: () => true }, world.clock, 'error');
  const opening = openGateway({ clock: world.clock, disk: systemDisk, log }, folder.access);
  await expect(opening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await folder.remove();
});

test('who is refused is logged, a flood as a number, and never a secret', async () => {
  const { gateway, world, lines } = await gatewayOf([caller('ann', { concurrency: 1 })]);
  ask(gateway.remote, 'ann').admit();
  for (let i = 0; i < 1_000; i++) outcome(gateway.remote, 'ann');
  for (let i = 0; i < 1_000; i++) {
    expect(() => gateway.remote.identify(`Bearer guess-${i}`, `192.0.2.${i % 200}`)).toThrow();
  }
  await world.advance(10_000);
  expect(lines.length).toBeLessThan(140);
  const text = lines.join('');
  expect(text).toContain('"caller":"ann","code":"RATE_LIMITED","count":999');
  for (const secret of ['guess', tokens.ann, sha256(tokens.ann)]) expect(text).not.toContain(secret);
});

test('any bytes as a tokens file are refused in words of ours, or hold callers that were checked', () => {
  const entry = fc.record(
    {
      name: fc.oneof(fc.constantFrom('ann', 'local', 'bob'), fc.anything()),
      sha256: fc.oneof(fc.constant(sha256('t')), fc.anything()),
      burst: fc.anything(),
      requestsPerSecond: fc.oneof(fc.double(), fc.anything()),
      expiresAt: fc.oneof(fc.date({ noInvalidDate: true }).map(String), fc.anything()),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    fc.json(),
    fc.string(),
    fc.array(entry).map((entries) => {
      try {
        return JSON.stringify(entries);
      } catch {
        return '';
      }
    }),
  );
  const codes = ['INVALID_DOCUMENT', 'WIRE_MALFORMED', 'PAYLOAD_TOO_LARGE'];
  fc.assert(
    fc.property(texts, (text) => {
      try {
        for (const one of callersIn(Buffer.from(text), 'f')) {
          expect(one.sha256 === undefined).toBe(one.name === 'local');
        }
      } catch (error) {
        expect(codes).toContain((error as CoveyError).code);
      }
    }),
    runs,
  );
});

test('an authorization header is a token or nothing', () => {
  const token = fc.stringMatching(/^[\w.~+/-]{1,100}={0,2}$/);
  fc.assert(
    fc.property(token, fc.constantFrom('Bearer', 'bearer', 'BEARER'), (text, scheme) => {
      expect(tokenDigest(`${scheme} ${text}`)?.toString('hex')).toBe(sha256(text));
    }),
    runs,
  );
  const others = fc.oneof(
    fc.string(),
    fc.string().map((text) => `Bearer ${text}`),
    fc.anything(),
  );
  fc.assert(
    fc.property(others, (header) => {
      const digest = tokenDigest(header);
      if (digest === undefined) return;
      const text = /^bearer +(\S+) *$/i.exec(String(header))?.[1] ?? '';
      expect(digest.toString('hex')).toBe(sha256(text));
    }),
    runs,
  );
  expect(tokenDigest(`Bearer ${'x'.repeat(5_000)}`)).toBeUndefined();
  expect(tokenDigest(`Bearer ${' '.repeat(900)}`)).toBeUndefined();
});
