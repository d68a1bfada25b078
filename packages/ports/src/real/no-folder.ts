import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CoveyError } from '@covey/protocol';

/** DATA_FOREIGN that names the file, where the file system has refused because a file lies where a folder is to be; else undefined. */
export function noFolder(error: unknown): CoveyError | undefined {
  const { code, syscall, path } = Object(error) as NodeJS.ErrnoException;
  if (path === undefined || !(code === 'ENOTDIR' || (code === 'EEXIST' && syscall === 'mkdir')))
    return undefined;
  return new CoveyError('DATA_FOREIGN', `${fileOnTheWay(path)} is no folder`, { cause: error });
}

/** The system names what it looked for, which may be below the file. */
function fileOnTheWay(path: string): string {
  for (let at = path; dirname(at) !== at; at = dirname(at))
    if (statSync(at, { throwIfNoEntry: false })?.isFile()) return at;
  return path;
}
