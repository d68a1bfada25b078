import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { streamLog } from './log.ts';

describe('the log', () => {
  const lines: Record<string, unknown>[] = [];
  const log = streamLog({ write: (text) => lines.push(JSON.parse(text)) }, systemClock, 'info', 'bus');

  it('says what a line is about and why, when an error is among its fields', () => {
    log.write('error', 'cannot store a message', {
      device: 'edge-1',
      code: 'DISK_FULL',
      message: 'disk is full',
    });
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      component: 'bus',
      message: 'cannot store a message: disk is full',
      device: 'edge-1',
      code: 'DISK_FULL',
    });
  });

  it('leaves out what is below its level', () => {
    const before = lines.length;
    log.component('outbox').write('debug', 'sent');
    log.component('outbox').write('warn', 'late');
    expect(lines.slice(before)).toMatchObject([{ component: 'outbox', message: 'late' }]);
  });
});
