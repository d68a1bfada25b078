import { CoveyError } from '@covey/protocol';

/** The parts of a request target's path, decoded. Errors: INVALID_DOCUMENT (broken percent-encoding). */
export function pathOf(target: string): string[] {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const parts = path.slice(1).split('/');
  if (!path.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'the address has broken percent-encoding', { cause });
  }
}

/** Errors: METHOD_NOT_ALLOWED when `method` is none of `allowed`. */
export function checkMethod(method: string, path: readonly string[], ...allowed: string[]): void {
  if (allowed.includes(method)) return;
  const address = `/${path.join('/')}`.slice(0, 200);
  throw new CoveyError(
    'METHOD_NOT_ALLOWED',
    `${address} takes ${allowed.join(' or ')}, not ${method.slice(0, 20)}`,
  );
}
