import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { CoveyError, limits } from '@covey/protocol';

/**
 * The bytes of a file that a user names. A pipe would be waited for, and a device read, without end: neither is taken.
 * Errors: NOT_FOUND (cannot be read), INVALID_ARGUMENT (no plain file), PAYLOAD_TOO_LARGE; each names the file.
 */
export function readPlainFile(path: string): Uint8Array {
  const file = opened(path);
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new CoveyError('INVALID_ARGUMENT', `${path} is not a plain file`);
    if (status.size > limits.fileBytes)
      throw new CoveyError(
        'PAYLOAD_TOO_LARGE',
        `${path} has ${status.size} bytes; at most ${limits.fileBytes} are read`,
      );
    return readFileSync(file);
  } catch (cause) {
    throw cause instanceof CoveyError ? cause : unreadable(path, cause);
  } finally {
    closeSync(file);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): CoveyError {
  return new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
}
