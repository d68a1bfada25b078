import { rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { covey, sourceMain, temporaryFolder } from './harness.ts';

const data = temporaryFolder();
afterAll(() => rmSync(data, { recursive: true, force: true }));

interface Event {
  event: string;
  version?: string;
  state?: string;
  reason?: string | null;
  expected?: boolean;
  errors?: number;
  answers?: number;
  afterMs?: number;
}

const upOnce = ['up', '--once', '--json', '--port', '0', '--data', data];
const eventsOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

test('covey up --once --json plays the story as it should, in JSON lines and nothing else', async () => {
  const { code, stdout, stderr } = await covey(upOnce);
  expect(code, stdout + stderr).toBe(0);
  expect(stderr).toBe('');
  const events = eventsOf(stdout);
  expect(events.filter(({ event }) => event === 'played-before')).toEqual([]);
  const outcomes = events.filter(({ event }) => event === 'outcome');
  expect(outcomes.map(({ version, state, expected }) => [version, state, expected])).toEqual([
    ['1.0.0', 'succeeded', true],
    ['1.1.0', 'succeeded', true],
    ['1.2.0', 'reverted', true],
    ['1.2.1', 'reverted', true],
  ]);
  expect(outcomes[2]?.reason).toMatch(/agree/);
  expect(outcomes[3]?.reason).toMatch(/golden/i);
  const story = events.find(({ event }) => event === 'story');
  expect(story).toMatchObject({ expected: true, errors: 0 });
  expect(story?.answers).toBeGreaterThan(100);
});

test('a second start, from source, finds its data: the story is not played again and 1.1.0 serves', async () => {
  const { code, stdout } = await covey(upOnce, { program: sourceMain });
  expect(code, stdout).toBe(0);
  const events = eventsOf(stdout);
  expect(events.filter(({ event }) => event === 'chapter')).toEqual([]);
  expect(events.filter(({ event }) => event === 'played-before')).toHaveLength(1);
  expect(events.find(({ event }) => event === 'story')).toMatchObject({ expected: true, errors: 0 });
});

test('a folder with other things in it is refused, and so is a second process on the same folder', async () => {
  const { code, stdout } = await covey([
    'up',
    '--once',
    '--json',
    '--port',
    '0',
    '--data',
    import.meta.dirname,
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'DATA_FOREIGN' } });
});
