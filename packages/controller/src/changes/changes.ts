import type { Clock, Random } from '@covey/ports';
import type { ChangesAnswer } from '@covey/protocol/api';

type Change = ChangesAnswer['changes'][number];

/** How many changes are remembered; who is further behind reads everything anew. */
const capacity = 10_000;

/** What changed, for live views: names only, the truth is asked for. Kept in memory, since it is lost together with who waits. */
export interface Changes {
  /** To be called after the commit. */
  note(kind: Change['kind'], id: string): void;
  /** Waits for changes behind `cursor`, at most `timeoutMs`; without a cursor it answers at once with the present one. */
  after(cursor: string | undefined, timeoutMs: number): Promise<ChangesAnswer>;
  /** Answers all who wait; from now on nobody waits. */
  stop(): void;
}

export function createChanges({ clock, random }: { clock: Clock; random: Random }): Changes {
  const epoch = Buffer.from(random.bytes(8)).toString('hex');
  const waiting = new Set<() => void>();
  let changes: Change[] = [];
  /** Number of the first change that is remembered. */
  let first = 0;
  let isStopped = false;
  const wake = () => {
    for (const resolve of [...waiting]) resolve();
  };
  const read = (cursor: string | undefined): ChangesAnswer => {
    const next = first + changes.length;
    const at = positionOf(cursor, epoch);
    const reset = cursor !== undefined && (at === undefined || at < first || at > next);
    const unseen = reset || at === undefined ? [] : changes.slice(at - first);
    const distinct = new Map(unseen.map((change) => [`${change.kind} ${change.id}`, change]));
    return { cursor: `${epoch}.${next}`, reset, changes: [...distinct.values()] };
  };
  return {
    note: (kind, id) => {
      changes.push({ kind, id });
      if (changes.length > 2 * capacity) {
        first += changes.length - capacity;
        changes = changes.slice(-capacity);
      }
      wake();
    },
    after: async (cursor, timeoutMs) => {
      const now = read(cursor);
      const hasNews = cursor === undefined || now.reset || now.changes.length > 0;
      if (hasNews || timeoutMs === 0 || isStopped) return now;
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(timeoutMs, () => done());
        const done = () => {
          timer.cancel();
          waiting.delete(done);
          resolve();
        };
        waiting.add(done);
      });
      return read(cursor);
    },
    stop: () => {
      isStopped = true;
      wake();
    },
  };
}

function positionOf(cursor: string | undefined, epoch: string): number | undefined {
  const [of, position] = cursor?.split('.') ?? [];
  return of === epoch && position !== undefined && /^\d{1,15}$/.test(position) ? Number(position) : undefined;
}
