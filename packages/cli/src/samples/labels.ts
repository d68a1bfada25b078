import { CoveyError } from '@covey/protocol';
import type { SampleFile } from './files.ts';

export interface Labels {
  labels: number[] | undefined;
  classNames: string[] | undefined;
}

/**
 * The class of each sample, from the subfolder that its file lies in: an index into `given` where the user named the classes,
 * otherwise the number that names the folder, or its place in the alphabet. Errors: INVALID_ARGUMENT for a folder that is no
 * class.
 */
export function labelsOf(files: readonly SampleFile[], given: readonly string[] | undefined): Labels {
  const folders = [...new Set(files.flatMap(({ className }) => className ?? []))].sort();
  if (folders.length === 0) return { labels: undefined, classNames: undefined };
  const classNames =
    given ?? (folders.every((name) => /^\d{1,5}$/.test(name)) ? numbersTo(folders) : folders);
  const indexOf = (className: string) => {
    const index = given || classNames === folders ? classNames.indexOf(className) : Number(className);
    if (index >= 0) return index;
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `the folder ${className} is no class; they are ${classNames.join(', ')}`,
    );
  };
  return { labels: files.map(({ className = '' }) => indexOf(className)), classNames: [...classNames] };
}

function numbersTo(folders: readonly string[]): string[] {
  const last = Math.max(...folders.map(Number));
  return Array.from({ length: last + 1 }, (_, index) => String(index));
}
