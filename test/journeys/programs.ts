import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleCommand, bundleEntries, entriesOf, packageFolder } from '../../device-images/bundle.ts';

const packages = join(import.meta.dirname, '..', '..', 'packages');
/** What stays outside the bundles, by the package of ours that asks for it. */
const installed = {
  runtime: ['onnxruntime-node', '@jsquash/jpeg'],
  protocol: ['lz4-napi'],
  // The page reads files beside its own, and certificates need the order of imports, which bundles in parts do not keep.
  controller: ['@fastify/swagger-ui', '@peculiar/x509', 'reflect-metadata'],
};

/**
 * Once for all journeys: `covey` and what it starts as plain JavaScript, the way devices carry it, because a process from
 * source costs three times the processor time until it is ready, and journeys start hundreds.
 */
export default async function bundlePrograms(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'covey-programs-'));
  const programs = join(folder, 'app');
  const modules = join(programs, 'node_modules');
  await bundleCommand('packages/cli/src/main.ts', programs, installed.controller);
  for (const name of ['runtime', 'controller']) await bundleEntries(name, modules, entriesOf(name));
  for (const [dependent, names] of Object.entries(installed)) {
    for (const name of names) {
      const link = join(modules, name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(packageFolder(name, join(packages, dependent)), link);
    }
  }
  // The example reads them beside the folder of its own module.
  symlinkSync(join(packages, 'example', 'weights'), join(folder, 'weights'));
  process.env.COVEY_PROGRAMS = programs;
  // What is compiled once need not be again in the processes to come.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  return () => rmSync(folder, { recursive: true, force: true });
}
