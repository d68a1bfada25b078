/**
 * Writes ledger and outbox on the real disk until its n-th change to the disk, and ends there as by SIGKILL: before the
 * change, or just after it. Says on standard output what is durable. Started by kill.test.ts.
 */
import { type Disk, streamLog, systemClock, systemDisk } from '@covey/ports';
import { openOutbox } from '../outbox/index.ts';
import { initialUpdate } from '../update/index.ts';
import { openLedger } from './ledger.ts';

const [root = '', killAt = '', moment = ''] = process.argv.slice(2);
const done = { changes: 0 };

function killing<A extends unknown[]>(change: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  return async (...args) => {
    const isLast = ++done.changes === Number(killAt);
    if (isLast && moment === 'before') process.kill(process.pid, 'SIGKILL');
    await change(...args);
    if (isLast) process.kill(process.pid, 'SIGKILL');
  };
}
const disk: Disk = {
  ...systemDisk,
  write: killing(systemDisk.write),
  append: killing(systemDisk.append),
  truncate: killing(systemDisk.truncate),
  remove: killing(systemDisk.remove),
};
const ledger = await openLedger(disk, root);
const log = streamLog(process.stderr, systemClock, 'error');
const limits = { messages: 100, bytes: 1e6 };
const outbox = await openOutbox(
  { disk, clock: systemClock, log },
  { folder: root, bootId: 'boot', flushMs: 1_000, limits },
);
for (let generation = ledger.update.accepted + 1; ; generation++) {
  await ledger.save({ ...initialUpdate, accepted: generation }, generation);
  process.stdout.write(`ledger ${generation}\n`);
  const seq = outbox.nextSeq;
  const reported = {
    generation,
    state: 'idle' as const,
    probe: [],
    serving: [],
    releaseId: null,
    runtimeDeaths: 0,
  };
  await outbox.put({ kind: 'reported', reported });
  process.stdout.write(`message ${seq}\n`);
  // Everything is receipted now and then, so that segments come and go.
  if (generation % 3 === 0) await outbox.receipt({ upTo: seq, missing: [] });
}
