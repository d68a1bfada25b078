import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

/** A text file of the repository. `path` is relative to the root, with forward slashes. */
export interface Source {
  path: string;
  text: string;
}

/** Folders whose content we write. What is generated or installed below them is left out. */
const roots = ['packages', 'test', 'device-images', '.ci'];
const skippedFolders = new Set(['node_modules', 'dist', 'generated']);
const textFile =
  /(?:^|[./])(?:[cm]?[jt]sx?|json|md|ya?ml|toml|proto|css|html|sh|py|service|conf|sql|Dockerfile\w*|Containerfile\w*|Jenkinsfile)$/;
const codeFile = /\.[cm]?[jt]sx?$/;

/** Every text file we wrote, in the order of their paths. */
export function readSources(): Source[] {
  const paths = ['package.json', 'README.md', ...roots.flatMap((folder) => walk(folder))];
  return paths
    .filter((path) => textFile.test(path))
    .sort()
    .flatMap((path) => {
      const text = readIfPresent(path);
      return text === undefined ? [] : [{ path, text }];
    });
}

export function isCode(path: string): boolean {
  return codeFile.test(path);
}

/** Test files, what they stand on (fixtures), and configuration of tools; what only they do is not shipped. */
export function isTest(path: string): boolean {
  return path.startsWith('test/') || /\.(?:test|fixture|config)\.[cm]?tsx?$/.test(path);
}

/** The text of a file given by its path from the root, or undefined where there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function walk(folder: string): string[] {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name).split(sep).join('/');
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}

function list(folder: string) {
  return readdirSync(join(root, folder), { withFileTypes: true });
}
