import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { CoveyError } from '@covey/protocol';

const kinds = {
  array: ['.npy', '.npz', '.json', '.raw', '.bin'],
  image: ['.jpg', '.jpeg', '.png'],
  audio: ['.wav'],
} as const;
export type Kind = keyof typeof kinds;

export interface SampleFile {
  path: string;
  /** Relative to the folder that the user named. */
  name: string;
  /** The subfolder it lies in. */
  className: string | undefined;
}

const mostFiles = 100_000;

/**
 * The files that a path stands for, sorted by name: itself, the files in it, or else those in its subfolders, each a class.
 * Errors: NOT_FOUND; INVALID_ARGUMENT when there are none, or of several kinds.
 */
export function findSampleFiles(path: string): { kind: Kind; files: SampleFile[] } {
  const files = filesAt(path);
  if (files.length > mostFiles)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${path} holds ${files.length} files; at most ${mostFiles} are read`,
    );
  const [first, ...others] = new Set(files.map(({ name }) => kindOf(name)));
  if (first === undefined) {
    const known = Object.values(kinds).flat().join(' ');
    throw new CoveyError('INVALID_ARGUMENT', `${path} holds no samples: files that end in ${known}`);
  }
  if (others.length > 0)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${path} holds ${first} and ${others.join(' and ')} files; give one kind`,
    );
  return { kind: first, files };
}

function filesAt(path: string): SampleFile[] {
  if (!isFolder(path)) return [{ path, name: basename(path), className: undefined }];
  const own = knownFiles(path, path);
  if (own.length > 0) return own;
  return entries(path)
    .filter((name) => isFolder(join(path, name)))
    .flatMap((className) => knownFiles(join(path, className), path).map((file) => ({ ...file, className })));
}

function knownFiles(folder: string, root: string): SampleFile[] {
  return entries(folder)
    .filter((name) => kindOf(name) !== undefined && !isFolder(join(folder, name)))
    .map((name) => ({
      path: join(folder, name),
      name: relative(root, join(folder, name)),
      className: undefined,
    }));
}

function entries(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort();
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

function kindOf(name: string): Kind | undefined {
  const extension = extname(name).toLowerCase();
  return (Object.keys(kinds) as Kind[]).find((kind) =>
    (kinds[kind] as readonly string[]).includes(extension),
  );
}
