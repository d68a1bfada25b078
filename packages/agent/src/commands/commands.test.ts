import { expect, it } from 'vitest';
import { createCommands } from './commands.ts';

it('carries out an order once, and none past its time', () => {
  const done: string[] = [];
  const commands = createCommands({
    now: () => 1_000,
    reconnect: (afterMs) => done.push(`reconnect ${afterMs}`),
    report: () => done.push('report'),
  });
  const receive = (command: object) => commands.received(Buffer.from(JSON.stringify(command)));
  receive({ id: 'a', kind: 'report', expiresAt: 1_000 });
  receive({ id: 'a', kind: 'report', expiresAt: 1_000 });
  receive({ id: 'b', kind: 'report', expiresAt: 999 });
  receive({ id: 'c', kind: 'reconnect', expiresAt: 2_000, retryAfterMs: 50 });
  receive({ id: 'd', kind: 'reconnect', expiresAt: 2_000 });
  expect(done).toEqual(['report', 'reconnect 50', 'reconnect 0']);
  expect(() => receive({ id: 'e', kind: 'dance', expiresAt: 2_000 })).toThrow('command');
});
