import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runningBundles } from '@covey/protocol';
import { afterAll, expect, test } from 'vitest';
import { createRunRecord, openRunMark } from './record.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-record-'));
afterAll(() => rmSync(folder, { recursive: true }));
const silent = { write: () => {}, component: () => silent };
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)] as const;

test('what runs is named, what ended is not, and a freed slot is used again', () => {
  const path = join(folder, 'running');
  const record = createRunRecord(path, silent);
  const running = () => runningBundles(readFileSync(path));
  const claimed = (bundle: string) => record.claim(bundle) ?? expect.unreachable('the disk has room');
  const slots = { a: claimed(a), b: claimed(b) };
  const marks = { a: openRunMark(slots.a), b: openRunMark(slots.b) };
  expect(running()).toEqual([]);
  marks.a.set(true);
  marks.b.set(true);
  expect(running()).toEqual([a, b]);
  marks.b.set(false);
  expect(running()).toEqual([a]);
  marks.a.close();
  record.release(slots.a);
  expect(running()).toEqual([]);
  expect(record.claim(b)).toEqual(slots.a);
  marks.b.close();
  expect(readFileSync(createRunRecordAgain(path)).byteLength).toBe(0);
});

function createRunRecordAgain(path: string): string {
  createRunRecord(path, silent);
  return path;
}

test.each([
  ['a full disk', '/dev/full'],
  ['a folder that is gone', join(folder, 'gone', 'running')],
])('%s: nothing is noted, said once for each try, and nothing fails', (_, path) => {
  const said: string[] = [];
  const log = { write: (_level: string, message: string) => said.push(message), component: () => log };
  const record = createRunRecord(path, log);
  expect(record.claim(a)).toBeUndefined();
  expect(said).toEqual([expect.stringContaining('cannot be noted')]);
  const mark = openRunMark({ path, offset: 0 });
  mark.set(true);
  mark.set(false);
  mark.close();
});
