import type { Clock, Disk, Timer } from '@covey/ports';

const lookMs = 5_000;

/** Notices when somebody on the device has changed `hold.json` or `network.json`. */
export interface LocalWatch {
  readonly isWatching: boolean;
  stop(): void;
}

/** Calls `onChange` for each change after the first look; a look that fails sees nothing. */
export function watchLocal(
  { clock, disk }: { clock: Clock; disk: Disk },
  folder: string,
  onChange: () => void,
): LocalWatch {
  let seen: string | undefined;
  let timer: Timer | undefined;
  let isStopped = false;
  const look = async () => {
    const files = await Promise.all(
      ['hold.json', 'network.json'].map((name) => disk.read(`${folder}/${name}`)),
    );
    const found = files.map((bytes) => (bytes ? Buffer.from(bytes).toString('base64') : '-')).join();
    if (seen !== undefined && seen !== found) onChange();
    seen = found;
  };
  const lookAndWait = () =>
    void look()
      .catch(() => {})
      .finally(() => {
        if (!isStopped) timer = clock.setTimer(lookMs, lookAndWait);
      });
  lookAndWait();
  return {
    get isWatching() {
      return !isStopped;
    },
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
  };
}
