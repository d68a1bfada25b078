import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streamLog, systemClock, systemDisk } from '@covey/ports';
import { expect, it } from 'vitest';
import { openOutbox } from '../outbox/index.ts';
import { openLedger } from './ledger.ts';

const fixture = fileURLToPath(new URL('./kill.fixture.ts', import.meta.url));

it('keeps every promise made before a SIGKILL, at whichever change to the disk', {
  timeout: 60_000,
}, async () => {
  const root = await mkdtemp(join(tmpdir(), 'covey-kill-'));
  let lastSeq = 0;
  let accepted = 0;
  try {
    for (const moment of ['before', 'after']) {
      for (let killAt = 1; killAt <= 8; killAt++) {
        const child = spawnSync(process.execPath, [fixture, root, String(killAt), moment], {
          encoding: 'utf8',
        });
        expect([child.signal, child.stderr]).toEqual(['SIGKILL', '']);
        for (const line of child.stdout.trim().split('\n').filter(Boolean)) {
          const [what, number] = line.split(' ');
          if (what === 'ledger') accepted = Number(number);
          // A seq that was promised is never promised again, by this process or a later one.
          else expect(Number(number)).toBeGreaterThan(lastSeq);
          if (what === 'message') lastSeq = Number(number);
        }
        const ledger = await openLedger(systemDisk, root);
        expect(ledger.damaged).toEqual([]);
        expect(ledger.update.accepted).toBeGreaterThanOrEqual(accepted);
        const log = streamLog({ write: (text) => expect(text).toBe('') }, systemClock, 'error');
        const ports = { disk: systemDisk, clock: systemClock, log };
        const limits = { messages: 100, bytes: 1e6 };
        const outbox = await openOutbox(ports, { folder: root, bootId: 'look', flushMs: 1_000, limits });
        expect(outbox.nextSeq).toBeGreaterThan(lastSeq);
        await outbox.close();
      }
    }
    expect(lastSeq).toBeGreaterThan(10);
  } finally {
    await rm(root, { recursive: true });
  }
});
