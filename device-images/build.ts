import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleCommand, bundleEntries, packageFolder } from './bundle.ts';

/**
 * Builds the device folder for the platform this runs on: programs as plain JavaScript, Node, and the one ONNX Runtime
 * library that the platform needs. It runs without a checkout. Usage: node device-images/build.ts [target
 * folder]; prints the device folder, its archive, and the archive of software that agents update themselves to.
 */

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const platform = `${process.platform}-${process.arch}`;
const target = process.argv[2] ?? join(root, 'device-images', 'dist');
const folder = join(target, `covey-device-${version}-${platform}`);
const modules = join(folder, 'app', 'node_modules');

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'bin'), { recursive: true });
await bundleCommand('packages/cli/src/device.ts', join(folder, 'app'));
await bundleEntries('runtime', modules, ['process', 'probe', 'steps', 'worker']);
copyNativeModules();
copyNode();
writeCommand();
cpSync(join(root, 'device-images', 'launch.sh'), join(folder, 'bin', 'covey-launch'));
chmodSync(join(folder, 'bin', 'covey-launch'), 0o755);
cpSync(join(root, 'device-images', 'systemd'), join(folder, 'systemd'), { recursive: true });
cpSync(join(root, 'device-images', 'device-readme.md'), join(folder, 'README.md'));
cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
process.stdout.write(`${folder}\n`);
const archive = `${folder}.tar.gz`;
execFileSync('tar', ['-czf', archive, '-C', dirname(folder), `covey-device-${version}-${platform}`]);
// What agents update themselves to: equal files give equal bytes, uncompressed so that what changed little is a small delta.
const software = join(dirname(folder), `covey-agent-${version}-${platform}.tar`);
const plain = ['--format=ustar', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
execFileSync('tar', [...plain, '-cf', software, '-C', folder, 'LICENSE', 'app', 'bin']);
for (const path of [archive, software])
  process.stdout.write(`${path} ${(statSync(path).size / 1e6).toFixed(1)} MB\n`);

/** onnxruntime-node carries the libraries of every platform: 288 MB, of which one folder is needed. */
function copyNativeModules(): void {
  const runtime = packageFolder('onnxruntime-node', join(root, 'packages', 'runtime'));
  const ort = mkdir(join(modules, 'onnxruntime-node'));
  cpSync(join(runtime, 'package.json'), join(ort, 'package.json'));
  cpSync(join(runtime, 'dist'), join(ort, 'dist'), { recursive: true, filter: withoutDevelopmentFiles });
  const libraries = join('bin', 'napi-v6', process.platform, process.arch);
  cpSync(join(runtime, libraries), join(ort, libraries), { recursive: true });
  const common = packageFolder('onnxruntime-common', runtime);
  for (const part of ['package.json', 'dist/cjs']) {
    cpSync(join(common, part), join(modules, 'onnxruntime-common', part), {
      recursive: true,
      filter: withoutDevelopmentFiles,
    });
  }
  const jpeg = packageFolder('@jsquash/jpeg', join(root, 'packages', 'runtime'));
  for (const part of ['package.json', 'codec/dec']) {
    cpSync(join(jpeg, part), join(modules, '@jsquash/jpeg', part), {
      recursive: true,
      filter: withoutDevelopmentFiles,
    });
  }
  const lz4 = packageFolder('lz4-napi', join(root, 'packages', 'protocol'));
  cpSync(lz4, join(modules, 'lz4-napi'), { recursive: true, filter: withoutDevelopmentFiles });
  const libc = process.platform === 'linux' ? '-gnu' : '';
  const lz4Native = `@antoniomuso/lz4-napi-${platform}${libc}`;
  cpSync(packageFolder(lz4Native, lz4), join(modules, lz4Native), { recursive: true });
}

function copyNode(): void {
  const target = join(folder, 'bin', 'node');
  cpSync(realpathSync(process.execPath), target);
  chmodSync(target, 0o755);
  // 33 MB of symbols that only a debugger reads. A machine without binutils ships them too.
  if (process.platform === 'linux') spawnSync('strip', ['-s', target]);
}

/** Small heaps: a device runs two of these processes, for months. */
function writeCommand(): void {
  const path = join(folder, 'bin', 'covey');
  const script = `#!/bin/sh
# Finds its own folder through links, so that it may be linked from /usr/local/bin.
here=$(dirname "$(readlink -f "$0")")
# MQTT.js still calls url.parse, which Node warns of at every start.
exec "$here/node" --max-semi-space-size=1 --optimize-for-size --disable-warning=DEP0169 "$here/../app/covey.js" "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
}

function withoutDevelopmentFiles(path: string): boolean {
  return !/\.(map|d\.ts)$/.test(path) && !/[/\\]node_modules[/\\]?$/.test(path);
}

function mkdir(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
