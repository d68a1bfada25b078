import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runningBundles } from '@covey/protocol';
import { afterAll, expect, test } from 'vitest';
import { createRunRecord, openRunMark } from './record.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-record-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)] as const;

test('what runs is named, what ended is not, and a freed slot is used again', () => {
  const path = join(folder, 'running');
  const record = createRunRecord(path);
  const running = () => runningBundles(readFileSync(path));
  const slots = { a: record.claim(a), b: record.claim(b) };
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
  createRunRecord(path);
  return path;
}
