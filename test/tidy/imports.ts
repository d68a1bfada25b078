import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { isTest, type Source } from './sources.ts';

/** Which packages of ours a package may import. No arrow may lead back, so none is added without redrawing the house. */
export const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  ports: ['protocol'],
  onnx: ['protocol', 'ports'],
  stats: ['protocol', 'ports'],
  bundle: ['protocol', 'ports'],
  runtime: ['protocol', 'ports', 'stats'],
  agent: ['protocol', 'ports', 'bundle', 'stats'],
  controller: ['protocol', 'ports', 'bundle', 'onnx', 'stats'],
  console: ['protocol'],
  example: ['protocol', 'onnx'],
  cli: [
    'protocol',
    'ports',
    'onnx',
    'stats',
    'bundle',
    'runtime',
    'agent',
    'controller',
    'console',
    'example',
  ],
};

/** Who may load the schemas of /v1, which bring zod: nobody that devices load for long. */
const adminApi = { entry: '@covey/protocol/api', readers: ['controller', 'console', 'cli', 'test'] };

/** Packages whose folders under `src` are rooms, each with an index.ts of its own. */
export const roomedPackages = ['runtime', 'agent', 'controller'];

/** The parts of a package.json that say what may be imported. */
export interface PackageManifest {
  name: string;
  exports?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** Files that tests read where they are present, and skip where not. */
const dataBesideCheckout = '../shared/data/';

/** package.json by folder: `packages/<name>`, `test`, and `` for the root. */
export type Workspace = ReadonlyMap<string, PackageManifest>;

export function workspaceOf(sources: readonly Source[]): Workspace {
  return new Map(
    sources
      .filter(({ path }) => /^(?:packages\/[^/]+\/|test\/)?package\.json$/.test(path))
      .map(({ path, text }) => [path.replace(/\/?package\.json$/, ''), JSON.parse(text) as PackageManifest]),
  );
}

/** What is wrong with `file` (path from the root) naming module `specifier`, or undefined. */
export function importFault(file: string, specifier: string, workspace: Workspace): string | undefined {
  if (specifier.startsWith('.')) return relativeFault(file, specifier);
  if (isBuiltin(specifier) || specifier.includes('://') || specifier.startsWith('data:')) return undefined;
  const name = packageName(specifier);
  const covey = /^@covey\/(.+)$/.exec(name)?.[1];
  const fault = covey === undefined ? undefined : coveyFault(file, covey, specifier, workspace);
  return fault ?? declarationFault(file, name, workspace);
}

/** The package folder a file belongs to: `packages/<name>`, `test`, `device-images`. */
export function ownerOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'packages' ? `packages/${second}` : top;
}

/** The room of a file, as the path of its folder; undefined for files that are in none. */
export function roomOf(file: string): string | undefined {
  const [top, name = '', source, room, ...rest] = file.split('/');
  const inRoom = top === 'packages' && roomedPackages.includes(name) && source === 'src' && rest.length > 0;
  return inRoom && room !== 'generated' ? `packages/${name}/src/${room}` : undefined;
}

function relativeFault(file: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(file), specifier.replace(/\?.*$/, ''));
  if (isTest(file) && target.startsWith(dataBesideCheckout)) return undefined;
  if (ownerOf(target) !== ownerOf(file)) return `reaches into ${ownerOf(target)}; import its public entry`;
  const room = roomOf(target);
  if (room !== undefined && room !== roomOf(file) && target !== `${room}/index.ts`)
    return `reaches into the room ${room}; import its index.ts`;
  return undefined;
}

function coveyFault(file: string, name: string, specifier: string, workspace: Workspace): string | undefined {
  const target = workspace.get(`packages/${name}`);
  if (!target) return 'names a package that is not here';
  const owner = ownerOf(file);
  const importer = owner.replace(/^packages\//, '');
  if (owner !== 'test' && importer !== name && !(mayImport[importer] ?? []).includes(name))
    return `goes against the direction of imports: ${importer} may import ${(mayImport[importer] ?? []).join(', ') || 'nothing of ours'}`;
  if (specifier === adminApi.entry && !adminApi.readers.includes(importer))
    return 'brings zod to where devices load it';
  const entry = specifier.replace(`@covey/${name}`, '.');
  if (!(entry in (target.exports ?? {}))) return `is not a public entry of @covey/${name}`;
  return undefined;
}

function declarationFault(file: string, name: string, workspace: Workspace): string | undefined {
  const manifest = workspace.get(ownerOf(file)) ?? workspace.get('');
  if (manifest?.name === name) return undefined;
  const shipped = {
    ...manifest?.dependencies,
    ...manifest?.optionalDependencies,
    ...manifest?.peerDependencies,
  };
  const besides = { ...manifest?.devDependencies, ...workspace.get('')?.devDependencies };
  if (name in shipped || (!isShipped(file) && name in besides)) return undefined;
  return `is not among the dependencies in ${ownerOf(file)}/package.json`;
}

/** Only packages are shipped, and of them not the tests. */
function isShipped(file: string): boolean {
  return file.startsWith('packages/') && !isTest(file);
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
