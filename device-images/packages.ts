import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Emits the packages that other programs install, as JavaScript with types, and packs each: tarballs under
 * device-images/dist/packages. Usage: node device-images/packages.ts
 */

const root = join(import.meta.dirname, '..');
const output = join(root, 'device-images', 'dist', 'packages');
/** For programs are runtime, onnx and stats; the other two are what these are made of. */
const names = ['protocol', 'ports', 'stats', 'onnx', 'runtime'];

interface PackageDocument {
  name: string;
  version: string;
  license: string;
  type: string;
  description?: string;
  exports: Record<string, string>;
  dependencies?: Record<string, string>;
}

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
emit();
for (const name of names) writePackage(name);
const folders = names.map((name) => join(output, name));
const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', output, ...folders], {
  encoding: 'utf8',
});
for (const tarball of packed.trim().split('\n')) process.stdout.write(`${join(output, tarball)}\n`);

function emit(): void {
  const project = join(output, 'tsconfig.json');
  const everywhere = (pattern: string) => names.map((name) => join(root, 'packages', name, 'src', pattern));
  const configuration = {
    extends: join(root, 'packages', 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: join(root, 'packages'),
      outDir: output,
      // `npm run types` has checked it.
      noCheck: true,
    },
    include: everywhere('**/*.ts'),
    exclude: [...everywhere('**/*.test.ts'), ...everywhere('**/*.fixture.ts')],
  };
  writeFileSync(project, JSON.stringify(configuration));
  execFileSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', project, '--checkers', '1'], {
    stdio: 'inherit',
  });
  rmSync(project);
}

function writePackage(name: string): void {
  const source = join(root, 'packages', name);
  const document = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as PackageDocument;
  const emitted = (path: string) => {
    const base = path.replace(/\.ts$/, '');
    return { types: `${base}.d.ts`, default: `${base}.js` };
  };
  const version = (dependency: string, range: string): [string, string] => [
    dependency,
    range.startsWith('workspace:') ? document.version : range,
  ];
  const packed = {
    name: document.name,
    version: document.version,
    license: document.license,
    type: document.type,
    engines: { node: '>=26' },
    exports: Object.fromEntries(
      Object.entries(document.exports).map(([entry, path]) => [entry, emitted(path)]),
    ),
    dependencies: Object.fromEntries(
      Object.entries(document.dependencies ?? {}).map(([dependency, range]) => version(dependency, range)),
    ),
  };
  writeFileSync(join(output, name, 'package.json'), JSON.stringify(packed, null, 2));
  for (const file of ['README.md', 'LICENSE']) {
    const from = existsSync(join(source, file)) ? join(source, file) : join(root, file);
    cpSync(from, join(output, name, file));
  }
}
