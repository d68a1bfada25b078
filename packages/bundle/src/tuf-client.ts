#!/usr/bin/env node
import { join, posix } from 'node:path';
import { parseArgs } from 'node:util';
import { systemDisk } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { CoveyError, limits, toCoveyError } from '@covey/protocol';
import {
  type FoundTarget,
  findTarget,
  refreshMetadata,
  type TufClientOptions,
  verifyContent,
} from './tuf/index.ts';

/*
 * The client workflow as a command, in the form that the public TUF conformance suite drives
 * (github.com/theupdateframework/tuf-conformance, CLIENT-CLI.md):
 *   --metadata-dir DIR init ROOT
 *   --metadata-dir DIR --metadata-url URL refresh
 *   --metadata-dir DIR --metadata-url URL --target-name NAME --target-base-url URL --target-dir DIR download
 * It ends with 0 when all went well and with 1 when not.
 */

const timeoutMs = 30_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': { type: 'string' },
    'metadata-url': { type: 'string' },
    'target-name': { type: 'string' },
    'target-base-url': { type: 'string' },
    'target-dir': { type: 'string' },
  },
});

try {
  await run();
} catch (error) {
  const { code, message } = toCoveyError(error);
  process.stderr.write(`${code}: ${message}\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const [verb, rootPath] = positionals;
  const folder = need('metadata-dir');
  if (verb === 'init' && rootPath !== undefined) return init(folder, rootPath);
  const options = optionsFor(folder, need('metadata-url'));
  const trusted = await refreshMetadata(options);
  if (verb === 'refresh') return;
  if (verb !== 'download')
    throw new CoveyError('INVALID_ARGUMENT', 'init ROOT, refresh or download is wanted');
  const name = need('target-name');
  for await (const found of findTarget(options, trusted, name))
    return download(name, found, trusted.root.signed.consistent_snapshot === true);
  throw new CoveyError('TRUST_UNKNOWN', `no role lists ${name}`);
}

async function init(folder: string, rootPath: string): Promise<void> {
  const root = await systemDisk.read(rootPath);
  if (!root) throw new CoveyError('NOT_FOUND', `there is no ${rootPath}`);
  await systemDisk.makeFolder(folder);
  await systemDisk.write(join(folder, 'root.json'), root);
}

function optionsFor(folder: string, url: string): TufClientOptions {
  return {
    store: {
      read: (name) => systemDisk.read(join(folder, name)),
      write: (name, bytes) => systemDisk.write(join(folder, name), bytes),
      remove: (name) => systemDisk.remove(join(folder, name)),
    },
    fetch: (name, maxBytes) => get(`${url.replace(/\/$/, '')}/${name}`, maxBytes),
    now: Date.now(),
  };
}

/** Section 5.7. */
async function download(name: string, { target }: FoundTarget, isConsistent: boolean): Promise<void> {
  const path = join(need('target-dir'), encodeURIComponent(name));
  const { dir, base } = posix.parse(name);
  const [hash] = Object.values(target.hashes);
  const file = posix.join(dir, isConsistent ? `${hash}.${base}` : base);
  const bytes = await get(`${need('target-base-url').replace(/\/$/, '')}/${file}`, target.length);
  if (!bytes) throw new CoveyError('NOT_FOUND', `there is no ${file}`);
  verifyContent(name, bytes, target);
  await systemDisk.write(path, bytes);
}

async function get(url: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const answer = await nodeFetch({
    method: 'GET',
    url,
    timeoutMs,
    maxBytes: Math.min(maxBytes, limits.fileBytes),
  });
  if (answer.status === 200) return answer.body;
  if (answer.status === 404 || answer.status === 403) return undefined;
  throw new CoveyError('UNREACHABLE', `${url} answers with status ${answer.status}`);
}

function need(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new CoveyError('INVALID_ARGUMENT', `--${name} is needed`);
  return value;
}
