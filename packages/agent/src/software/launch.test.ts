import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BootRecord,
  encodeBootRecord,
  parseBootRecord,
  type SlotName,
  slotNames,
} from './boot-record.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', '..', 'device-images', 'launch.sh');

let root: string;
let software: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'covey-launch-'));
  software = join(root, 'data', 'software');
  mkdirSync(software, { recursive: true });
  cpSync(launcher, join(root, 'covey-launch'));
  program(join(root, 'covey'), 'installed');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Stands for an agent: says from where, and with what, it was started. */
function program(path: string, slot: string): void {
  script(path, `echo "${slot} $COVEY_SLOT $*"`);
}

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function fill(slot: SlotName, isWhole: boolean): void {
  rmSync(join(software, slot), { recursive: true, force: true });
  mkdirSync(join(software, slot, 'bin'), { recursive: true });
  program(join(software, slot, 'bin', 'covey'), slot);
  noteDigests(slot);
  writeFileSync(join(software, slot, 'bundle'), isWhole ? bundleOf(slot) : '');
}

/** As sha256sum writes them. */
function noteDigests(slot: SlotName): void {
  const digest = createHash('sha256')
    .update(readFileSync(slotFile(slot, 'bin/covey')))
    .digest('hex');
  writeFileSync(slotFile(slot, 'digests'), `${digest}  bin/covey\n`);
}

const bundleOf = (slot: SlotName) => (slot === 'a' ? 'd' : 'e').repeat(64);
const slotFile = (slot: SlotName, name: string) => join(software, slot, name);
const noteGood = (slot: SlotName) => writeFileSync(slotFile(slot, 'good'), bundleOf(slot));
/** As by the agent, when it has lasted. */
const noteLasted = () => rmSync(join(software, 'starting'), { force: true });
/** Half a program: a shell that reads it fails at once. */
const damage = (slot: SlotName) => writeFileSync(slotFile(slot, 'bin/covey'), '#!/bin/sh\nexit 1; #');

/** The slot that it started, null where it was killed before. */
function launch(path = process.env.PATH): string | null {
  const { stdout, stderr, signal } = spawnSync(
    'sh',
    [join(root, 'covey-launch'), join(root, 'data'), '--port', '1'],
    {
      env: { PATH: path },
      encoding: 'utf8',
    },
  );
  if (signal !== null) return null;
  expect(stderr).toBe('');
  const [slot = '', ...rest] = stdout.trim().split(' ');
  expect(rest).toEqual([slot, 'agent', '--data', join(root, 'data'), '--port', '1']);
  return slot;
}

function launchFails(): boolean {
  const { status } = spawnSync('sh', [join(root, 'covey-launch'), join(root, 'data')]);
  return status !== 0;
}

const readRecord = () =>
  parseBootRecord(existsSync(join(software, 'boot')) ? readFileSync(join(software, 'boot')) : undefined);

interface Case {
  record: BootRecord;
  whole: { a: boolean; b: boolean };
  /** Of the record's bytes, one that is another. */
  damageAt: number | null;
}

/** What shall be started, and the record after it. */
function expected({ record, whole, damageAt }: Case): { slot: string; record: BootRecord } {
  const first: BootRecord = { slot: 'installed', trial: null };
  if (damageAt !== null) return { slot: 'installed', record: first };
  const isWhole = (slot: SlotName) => slot === 'installed' || whole[slot];
  const { slot, trial } = record;
  if (trial && trial.startsLeft > 0 && isWhole(trial.slot))
    return { slot: trial.slot, record: { slot, trial: { ...trial, startsLeft: trial.startsLeft - 1 } } };
  return { slot: isWhole(slot) ? slot : 'installed', record };
}

it('starts what the record says, whatever that is and whatever is whole, and counts a trial down', {
  timeout: 60_000,
}, () => {
  const slot = fc.constantFrom(...slotNames);
  const cases = fc.record<Case>({
    record: fc.record({ slot, trial: fc.option(fc.record({ slot, startsLeft: fc.nat(3) })) }),
    whole: fc.record({ a: fc.boolean(), b: fc.boolean() }),
    damageAt: fc.option(fc.nat(80), { freq: 4 }),
  });
  fc.assert(
    fc.property(cases, (given) => {
      fill('a', given.whole.a);
      fill('b', given.whole.b);
      const bytes = encodeBootRecord(given.record);
      if (given.damageAt !== null) bytes[given.damageAt] = bytes[given.damageAt] === 0x78 ? 0x79 : 0x78;
      writeFileSync(join(software, 'boot'), bytes);
      const wanted = expected(given);
      expect(launch()).toBe(wanted.slot);
      expect(readRecord()).toEqual(wanted.record);
    }),
    { numRuns: process.env.COVEY_LONG === undefined ? 20 : 200 },
  );
});

describe('committed software that is damaged on the disk', () => {
  beforeEach(() => {
    fill('a', true);
    fill('b', true);
    noteGood('a');
    noteGood('b');
    writeFileSync(join(software, 'boot'), encodeBootRecord({ slot: 'b', trial: null }));
    expect(launch()).toBe('b');
  });
  const isGone = () => expect([existsSync(slotFile('b', 'bundle')), existsSync(slotFile('b', 'damaged'))]);

  it('is found at the start after the one that failed; the other slot starts, and again', () => {
    noteLasted();
    damage('b');
    expect(launchFails()).toBe(true);
    expect(launch()).toBe('a');
    isGone().toEqual([false, true]);
    expect(readFileSync(slotFile('b', 'damaged'), 'utf8')).toBe(bundleOf('b'));
    expect(launch()).toBe('a');
    noteLasted();
    expect(launch()).toBe('a');
  });

  it('is found at once after a power cut, also where it would have started', () => {
    writeFileSync(slotFile('b', 'bin/covey'), `${readFileSync(slotFile('b', 'bin/covey'))}#`);
    expect(launch()).toBe('a');
  });

  it('is found at once where its program, a file of it, or its list of digests is gone', () => {
    for (const name of ['bin/covey', 'digests']) {
      fill('b', true);
      if (name === 'bin/covey') noteLasted();
      rmSync(slotFile('b', name));
      expect(launch()).toBe('a');
      isGone().toEqual([false, true]);
    }
  });

  it('is not told from whole software that fails by itself: that starts again', () => {
    script(slotFile('b', 'bin/covey'), 'exit 9');
    noteDigests('b');
    for (let start = 0; start < 3; start++) expect(launchFails()).toBe(true);
    isGone().toEqual([true, false]);
  });

  it.each([
    ['is damaged too', () => damage('a')],
    ['was never committed', () => rmSync(slotFile('a', 'good'))],
    ['was committed before it was filled anew', () => writeFileSync(slotFile('a', 'bundle'), 'f'.repeat(64))],
    [
      'is a trial that is over',
      () =>
        writeFileSync(
          join(software, 'boot'),
          encodeBootRecord({ slot: 'b', trial: { slot: 'a', startsLeft: 0 } }),
        ),
    ],
  ])('is left for what the device was installed with where the other slot %s', (_what, prepare) => {
    prepare();
    damage('b');
    expect(launch()).toBe('installed');
  });

  it('is passed over on a medium that takes no more writes', () => {
    damage('b');
    const shims = join(root, 'shims');
    mkdirSync(shims);
    script(join(shims, 'mv'), 'exit 1');
    expect(launch(`${shims}:${process.env.PATH}`)).toBe('a');
    expect(launch(`${shims}:${process.env.PATH}`)).toBe('a');
  });
});

it('starts what the device was installed with where there is no record', () => {
  rmSync(join(root, 'data'), { recursive: true });
  expect(launch()).toBe('installed');
});

it('does not start a trial that cannot be counted down', () => {
  fill('a', true);
  fill('b', true);
  writeFileSync(join(software, 'boot'), encodeBootRecord({ slot: 'a', trial: { slot: 'b', startsLeft: 3 } }));
  const shims = join(root, 'shims');
  mkdirSync(shims);
  // As on a medium that takes no more writes.
  script(join(shims, 'sync'), 'exit 1');
  expect(launch(`${shims}:${process.env.PATH}`)).toBe('a');
  expect(readRecord().trial?.startsLeft).toBe(3);
});

it('has a whole record at whichever command it is killed, and never gives a trial more than its starts', {
  timeout: 60_000,
}, () => {
  const shims = join(root, 'shims');
  mkdirSync(shims);
  for (const moment of ['before', 'after'])
    for (let killAt = 1; killAt <= 3; killAt++) {
      fill('a', true);
      fill('b', true);
      writeFileSync(
        join(software, 'boot'),
        encodeBootRecord({ slot: 'a', trial: { slot: 'b', startsLeft: 3 } }),
      );
      for (const command of ['sync', 'mv']) {
        const count = `n=$(($(cat ${root}/n) + 1)); echo $n >${root}/n`;
        const kill = `[ $n -eq ${killAt} ] && kill -9 $PPID`;
        const run = `PATH=${process.env.PATH}; ${command} "$@"`;
        script(
          join(shims, command),
          moment === 'before' ? `${count}; ${kill}; ${run}` : `${count}; ${run}; ${kill}; :`,
        );
      }
      writeFileSync(join(root, 'n'), '0');
      const started = [launch(`${shims}:${process.env.PATH}`)];
      expect(started).toEqual([null]);
      expect(readRecord()).toMatchObject({ slot: 'a', trial: { slot: 'b' } });
      for (let start = 0; start < 4; start++) started.push(launch());
      const trials = started.filter((slot) => slot === 'b').length;
      expect(trials).toBeGreaterThanOrEqual(2);
      expect(trials).toBeLessThanOrEqual(3);
      expect(started.at(-1)).toBe('a');
    }
});
