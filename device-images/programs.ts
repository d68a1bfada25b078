import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleCommand, bundleEntries, entriesOf, packageFolder } from './bundle.ts';

/**
 * `covey` and what it starts as plain JavaScript, the way devices carry it, but with every command, and beside packages of
 * this checkout instead of copies: for the journeys, which start hundreds. Usage: node device-images/programs.ts FOLDER;
 * the program is FOLDER/app/covey.js.
 */

const packages = join(import.meta.dirname, '..', 'packages');
const folder = process.argv[2] ?? '';
const programs = join(folder, 'app');
const modules = join(programs, 'node_modules');
/** What stays outside the bundles, by the package of ours that asks for it. */
const installed = {
  runtime: ['onnxruntime-node', '@jsquash/jpeg'],
  protocol: ['lz4-napi'],
  // The page reads files beside its own, and certificates need the order of imports, which bundles in parts do not keep.
  controller: ['@fastify/swagger-ui', '@peculiar/x509', 'reflect-metadata'],
};

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
