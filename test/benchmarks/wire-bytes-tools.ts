import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An update as files beside each other. */
interface Files {
  folder: string;
  base: string;
  target: string;
}

/** Bytes of an update by the tool's own best; undefined where the tool is not installed. */
type Tool = (files: Files) => number | undefined;

const patchOf = (command: (files: Files, patch: string) => string[]): Tool => {
  return (files) => {
    const patch = join(files.folder, 'patch');
    rmSync(patch, { force: true });
    const [name = '', ...args] = command(files, patch);
    return runs(name, args) ? statSync(patch).size : undefined;
  };
};

const tools: Record<string, Tool> = {
  'whole file': ({ target }) => statSync(target).size,
  'zstd -19': patchOf(({ target }, patch) => ['zstd', '-q', '-19', target, '-o', patch]),
  'zstd --patch-from': patchOf(({ base, target }, patch) => [
    ...['zstd', '-q', '--ultra', '-22', '--long=27', `--patch-from=${base}`],
    ...[target, '-o', patch],
  ]),
  xdelta3: patchOf(({ base, target }, patch) => [
    ...['xdelta3', '-e', '-9', '-S', 'lzma', '-f', '-s', base],
    ...[target, patch],
  ]),
  bsdiff: patchOf(({ base, target }, patch) => ['bsdiff', base, target, patch]),
  casync: chunksOfCasync,
};

/** The index, and the chunks that the base's store lacks. */
function chunksOfCasync({ folder, base, target }: Files): number | undefined {
  const stores = [base, target].map((file, i) => {
    const store = join(folder, `store-${i}`);
    const index = join(folder, `index-${i}.caibx`);
    if (!runs('casync', ['make', `--store=${store}`, index, file])) return undefined;
    return { chunks: chunksIn(store), indexBytes: statSync(index).size };
  });
  const [before, after] = stores;
  if (!before || !after) return undefined;
  return [...after.chunks].reduce(
    (sum, [name, sizeBytes]) => sum + (before.chunks.has(name) ? 0 : sizeBytes),
    after.indexBytes,
  );
}

function chunksIn(store: string): Map<string, number> {
  const names = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.cacnk'),
  );
  return new Map(names.map((name) => [name, statSync(join(store, name)).size]));
}

/** Whether the tool is here. Errors: it is, and failed. */
function runs(name: string, args: readonly string[]): boolean {
  const { error, status, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return false;
  if (error || status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
  return true;
}

/** What each tool that is installed takes to bring `target` to who has `base`. */
export function sizesByTool(folder: string, base: Uint8Array, target: Uint8Array): Record<string, number> {
  const place = join(folder, 'tools');
  mkdirSync(place);
  const files = { folder: place, base: join(place, 'base'), target: join(place, 'target') };
  writeFileSync(files.base, base);
  writeFileSync(files.target, target);
  const sizes = Object.entries(tools).flatMap(([name, tool]): [string, number][] => {
    const size = tool(files);
    return size === undefined ? [] : [[name, size]];
  });
  rmSync(place, { recursive: true });
  return Object.fromEntries(sizes);
}
