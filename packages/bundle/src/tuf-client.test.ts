import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SimulatedRepository, timeText } from './tuf/simulated-repository.fixture.ts';

/* As the public conformance suite drives it: a process a call, a server in between. */

const folder = mkdtempSync(join(tmpdir(), 'covey-tuf-client-'));
const program = join(import.meta.dirname, 'tuf-client.ts');
const artifacts = new Map<string, string>();
let repository: SimulatedRepository;
let metadataFolder: string;
let url: string;

const server = createServer(async (request, response) => {
  const path = request.url?.slice(1) ?? '';
  const [kind, name = ''] = [path.split('/')[0], path.slice(path.indexOf('/') + 1)];
  const body = kind === 'metadata' ? await repository.fetch(name) : artifacts.get(name);
  response.statusCode = body === undefined ? 404 : 200;
  response.end(body ?? '');
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(async () => {
  repository = await SimulatedRepository.create();
  const expires = timeText(Date.now() + 86_400_000);
  for (const signed of [repository.timestamp, repository.snapshot, repository.top]) signed.expires = expires;
  repository.root.expires = expires;
  repository.roots.length = 0;
  await repository.publishRoot();
  metadataFolder = mkdtempSync(join(folder, 'metadata-'));
  writeFileSync(join(folder, 'root.json'), repository.roots[0] ?? '');
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** The exit code. */
function run(...words: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, '--metadata-dir', metadataFolder, ...words], (error) =>
      resolve(typeof error?.code === 'number' ? error.code : error ? -1 : 0),
    );
    child.stderr?.resume();
  });
}
const init = () => run('init', join(folder, 'root.json'));
const refresh = () => run('--metadata-url', `${url}/metadata`, 'refresh');
const download = (name: string, to: string) => {
  const targets = ['--target-name', name, '--target-dir', to, '--target-base-url', `${url}/targets`];
  return run('--metadata-url', `${url}/metadata`, ...targets, 'download');
};

test('init keeps the root, refresh brings the metadata, and refuses what is not signed', async () => {
  expect(await init()).toBe(0);
  expect(await refresh()).toBe(0);
  expect(readdirSync(metadataFolder).sort()).toEqual([
    'root.json',
    'snapshot.json',
    'targets.json',
    'timestamp.json',
  ]);
  repository.timestamp.version = 2;
  repository.signers.set('timestamp', []);
  expect(await refresh()).toBe(1);
  expect(JSON.parse(readFileSync(join(metadataFolder, 'timestamp.json'), 'utf8')).signed.version).toBe(1);
});

test('download brings the file that is listed, in a folder of the repository too, and no other bytes', async () => {
  const to = mkdtempSync(join(folder, 'targets-'));
  const name = 'path/to/a/target_file.txt';
  const content = 'target file contents';
  const hash = createHash('sha256').update(content).digest('hex');
  repository.addTarget('targets', name, content);
  artifacts.set(`path/to/a/${hash}.target_file.txt`, content);
  expect(await init()).toBe(0);
  expect(await download(name, to)).toBe(0);
  expect(readdirSync(to).map((file) => readFileSync(join(to, file), 'utf8'))).toEqual([content]);
  artifacts.set(`path/to/a/${hash}.target_file.txt`, 'malicious contents!!');
  expect(await download(name, to)).toBe(1);
  expect(await download('nonexistent', to)).toBe(1);
  expect(readdirSync(to).map((file) => readFileSync(join(to, file), 'utf8'))).toEqual([content]);
});

test('what is left out, or no verb of it, is an error and not a success', async () => {
  expect(await run('refresh')).toBe(1);
  expect(await run('init')).toBe(1);
  expect(await run('init', join(folder, 'nowhere.json'))).toBe(1);
  expect(await refresh()).toBe(1);
});
