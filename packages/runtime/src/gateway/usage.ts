import type { Clock, Disk, Log } from '@covey/ports';
import { limits, parseDocument } from '@covey/protocol';
import * as v from 'valibot';

/** Requests of the day, by caller, kept across restarts. */
export interface Usage {
  /** Counts one more, unless `caller` has had `most` today. */
  take(caller: string, most: number): boolean;
  /** Until the next day, UTC. */
  restMs(): number;
  close(): Promise<void>;
}

/** A crash forgets what was counted since. */
const writeEveryMs = 5_000;
const dayMs = 86_400_000;

const UsageSchema = v.object({
  format: v.literal('covey-inference-usage/1'),
  /** Days since 1970, UTC. */
  day: v.pipe(v.number(), v.integer()),
  requests: v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(0))),
});

/** A file that cannot be read counts from nothing, and says so. */
export async function openUsage(
  { clock, disk, log }: { clock: Clock; disk: Pick<Disk, 'read' | 'write'>; log: Log },
  path: string,
): Promise<Usage> {
  const today = () => Math.floor(clock.now() / dayMs);
  let { day, requests } = await readUsage(disk, log, path);
  let timer: { cancel(): void } | undefined;
  let writing = Promise.resolve();
  const write = () => {
    timer = undefined;
    const document = { format: 'covey-inference-usage/1', day, requests: Object.fromEntries(requests) };
    const bytes = Buffer.from(JSON.stringify(document));
    writing = writing
      .then(() => disk.write(path, bytes))
      .catch((error: unknown) => log.write('warn', `the day's counts are not kept: ${String(error)}`));
  };
  return {
    take: (caller, most) => {
      if (today() !== day) [day, requests] = [today(), new Map()];
      const had = requests.get(caller) ?? 0;
      if (had >= most) return false;
      requests.set(caller, had + 1);
      timer ??= clock.setTimer(writeEveryMs, write);
      return true;
    },
    restMs: () => (today() + 1) * dayMs - clock.now(),
    close: async () => {
      if (timer) {
        timer.cancel();
        write();
      }
      await writing;
    },
  };
}

async function readUsage(disk: Pick<Disk, 'read'>, log: Log, path: string) {
  try {
    const bytes = await disk.read(path);
    if (bytes) {
      const { day, requests } = parseDocument(UsageSchema, bytes, path, limits.inferenceTokensBytes);
      return { day, requests: new Map(Object.entries(requests)) };
    }
  } catch (error) {
    log.write('warn', `the day's counts are lost: ${String(error)}`);
  }
  return { day: 0, requests: new Map<string, number>() };
}
