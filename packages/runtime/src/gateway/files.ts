import { open, stat } from 'node:fs/promises';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

/** How soon a changed file is seen. */
const lookMs = 1_000;

/**
 * Bytes of a small file whose content is nobody else's business. `forbidden`: bits its mode must not have.
 * Errors: INVALID_ARGUMENT (cannot be read, no file, open to others), PAYLOAD_TOO_LARGE.
 */
export async function readGuarded(path: string, maxBytes: number, forbidden: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { mode, size } = await file.stat();
      if ((mode & forbidden) !== 0) {
        const now = (mode & 0o777).toString(8);
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `${path} is open to others (mode ${now}): chmod 600 ${path}`,
        );
      }
      if (size > maxBytes) {
        throw new CoveyError('PAYLOAD_TOO_LARGE', `${path} has ${size} bytes, the limit is ${maxBytes}`);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause;
    throw new CoveyError('INVALID_ARGUMENT', `${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Looks, rather than be told: files are replaced by renaming and by links to other folders. Returns what ends it. */
export async function watchFiles(
  clock: Clock,
  paths: readonly string[],
  onChange: () => Promise<void>,
): Promise<() => void> {
  let seen = await signature(paths);
  let isOver = false;
  let timer = clock.setTimer(lookMs, look);
  function look(): void {
    void signature(paths)
      .then(async (now) => {
        if (now === seen || isOver) return;
        seen = now;
        await onChange();
      })
      .finally(() => {
        if (!isOver) timer = clock.setTimer(lookMs, look);
      });
  }
  return () => {
    isOver = true;
    timer.cancel();
  };
}

async function signature(paths: readonly string[]): Promise<string> {
  const each = await Promise.all(
    paths.map(async (path) => {
      try {
        const { ino, size, mtimeMs, mode } = await stat(path);
        return `${ino} ${size} ${mtimeMs} ${mode}`;
      } catch (error) {
        // Gone for a moment, or for good: a state like others.
        return String((error as NodeJS.ErrnoException).code);
      }
    }),
  );
  return each.join('\n');
}
