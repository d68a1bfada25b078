import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** How programs become plain JavaScript, for devices and for the journeys. */

const root = join(import.meta.dirname, '..');

/** Native modules, WebAssembly and what runs apart stay outside the bundles: they are found by their names. */
const external = [
  'onnxruntime-node',
  'lz4-napi',
  '@jsquash/jpeg/*',
  '@covey/runtime/*',
  '@covey/controller/*',
];

/**
 * `import` of `node:http` reads all its exports, one of which loads Node's WebSocket client (nodejs/node#59686): a tenth of
 * the processor time that a process takes to start, and 4 MB. What is required instead loads nothing before it is used.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, () => ({
      path: 'http',
      namespace: 'lazy-http',
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: 'lazy-http' }, () => ({
      contents: "module.exports = process.getBuiltinModule('http');",
    }));
  },
};

const bundling: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  splitting: true,
  minifySyntax: true,
  legalComments: 'linked',
  external,
  // As Node would choose for `import`; esbuild's default for Node is the CommonJS form, whose names a dynamic import loses.
  mainFields: ['module', 'main'],
  // Bundled CommonJS packages ask for Node's own modules with require().
  banner: {
    js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);",
  },
  plugins: [lazyHttp],
  logLevel: 'warning',
};

/** `covey.js` in `folder`, from the module `entry`; the packages `installed` are found by their names too. */
export async function bundleCommand(entry: string, folder: string, installed: string[] = []): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await build({
    ...bundling,
    external: [...external, ...installed],
    entryPoints: { covey: entry },
    outdir: folder,
  });
}

/** The package `@covey/name` in the folder `modules`, with these of its entries (`probe`, ...) and nothing else. */
export async function bundleEntries(name: string, modules: string, entries: string[]): Promise<void> {
  const { version, exports } = packageDocument(name);
  const folder = join(modules, '@covey', name);
  const sourceOf = (entry: string) => join('packages', name, exports[`./${entry}`] ?? entry);
  await build({
    ...bundling,
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, sourceOf(entry)])),
    outdir: folder,
  });
  const bundled = Object.fromEntries(entries.map((entry) => [`./${entry}`, `./${entry}.js`]));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: `@covey/${name}`, version, type: 'module', exports: bundled }),
  );
}

/** What processes and threads of the package `@covey/name` begin with: its exports but for the face, and what is for pages. */
export function entriesOf(name: string): string[] {
  return Object.keys(packageDocument(name).exports)
    .filter((path) => path !== '.' && !path.startsWith('./browser'))
    .map((path) => path.slice(2));
}

function packageDocument(name: string): { version: string; exports: Record<string, string> } {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
}

/** Where the package `name` is installed for the one in the folder `from`. */
export function packageFolder(name: string, from: string): string {
  const require = createRequire(join(realpathSync(from), 'package.json'));
  const paths = require.resolve.paths(name) ?? [];
  for (const base of paths) {
    try {
      return realpathSync(join(base, name));
    } catch {
      // Not in this node_modules; the next one up may have it.
    }
  }
  throw new Error(`${name} is not installed for ${from}`);
}
