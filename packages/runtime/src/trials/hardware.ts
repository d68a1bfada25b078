import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { canonicalJson } from '@covey/protocol';
import type { Providers } from '../executor/index.ts';
import { runtimeName } from './runtime-name.ts';

/**
 * Digest of all that a measurement here depends on and that outlasts the process: processor, cores, graphics with their
 * driver, and ONNX Runtime. Another digest, other measurements.
 */
export async function hardwareDigest(providers: Providers): Promise<string> {
  const description = {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    runtime: runtimeName(),
    providers,
    graphics: await describeGraphics(driverFolders),
  };
  return createHash('sha256').update(canonicalJson(description)).digest('hex');
}

/** Where Khronos's loader finds Vulkan drivers on Linux (LoaderDriverInterface.md). */
const driverFolders = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

/**
 * What computes graphics, as far as files tell: devices, kernel drivers, and the Vulkan drivers in `folders` with the libraries
 * they name. Empty where there are none, and elsewhere than on Linux.
 */
export async function describeGraphics(folders: readonly string[]): Promise<string[]> {
  const manifests = (await Promise.all(folders.map(filesOf))).flat();
  const cards = await Promise.all((await filesOf('/sys/class/drm')).map(describeCard));
  const drivers = await Promise.all(manifests.map(describeDriver));
  return [
    ...cards.filter((card) => card !== ''),
    await textOf('/proc/driver/nvidia/version'),
    ...(await filesOf('/dev/dri')),
    ...drivers,
  ];
}

async function describeCard(folder: string): Promise<string> {
  const device = join(folder, 'device');
  const [vendor, model] = await Promise.all([textOf(join(device, 'vendor')), textOf(join(device, 'device'))]);
  if (vendor === '') return '';
  const driver = await realpath(join(device, 'driver')).catch(() => '');
  return [vendor, model, driver].join(' ').replaceAll('\n', '');
}

async function describeDriver(manifest: string): Promise<string> {
  const text = await textOf(manifest);
  const [, library = ''] = /"library_path"\s*:\s*"([^"]+)"/.exec(text) ?? [];
  // A name without a folder is looked up by the system's loader: the manifest alone, which the package replaces, must tell.
  const path = library.includes('/') ? resolve(dirname(manifest), library) : manifest;
  const found = await stat(path).catch(() => undefined);
  return [manifest, text, path, found?.size ?? 0, found?.mtimeMs ?? 0].join(' ');
}

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().map((name) => join(folder, name));
}

/** Empty where there is no such file. */
function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
