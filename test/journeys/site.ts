import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folderOf = (url: string) => dirname(fileURLToPath(url));
const webFolder = folderOf(import.meta.resolve('onnxruntime-web/wasm'));
const jpegFolder = folderOf(import.meta.resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.js'));
const programs = join(import.meta.dirname, '..', 'browser');
const types: Record<string, string> = {
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  html: 'text/html',
};

const contentPolicy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:";

/** A web server with a page that serves models, and all that the page loads. */
export interface Site {
  url: string;
  /** Paths asked for, in their order. */
  readonly asked: string[];
  /** Puts a file where the page finds it; what the page says of it. */
  put(name: string, bytes: Uint8Array): { url: string; sha256: string };
  /** Of a file that is served. */
  sizeOf(path: string): number;
  close(): Promise<void>;
}

/** Bundles for the browser, with nothing of Node's; `entries` by the name that the script gets. */
export async function bundled(entries: Record<string, string>): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: entries,
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'silent',
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** `program` is the page's, of test/browser. */
export async function openSite(program: 'page' | 'bench' = 'page'): Promise<Site> {
  const files = await bundled({
    page: join(programs, `${program}.ts`),
    'service-worker': join(programs, 'service-worker.ts'),
    smallest: fileURLToPath(import.meta.resolve('@covey/runtime/browser')),
    'covey-worker': fileURLToPath(import.meta.resolve('@covey/runtime/browser-worker')),
  });
  files.set(
    '/index.html',
    new TextEncoder().encode('<!doctype html><script type="module" src="/page.js"></script>'),
  );
  for (const build of ['', '.asyncify']) {
    for (const ending of ['mjs', 'wasm']) {
      const name = `ort-wasm-simd-threaded${build}.${ending}`;
      const bytes = readFileSync(join(webFolder, name));
      files.set(`/assets/${name}`, bytes);
      // As somebody would serve it who left WebGPU out.
      if (build === '') files.set(`/cpu-only/${name}`, bytes);
    }
  }
  files.set('/assets/mozjpeg_dec.wasm', readFileSync(join(jpegFolder, 'mozjpeg_dec.wasm')));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    asked.push(pathname);
    const path = pathname === '/' ? '/index.html' : pathname;
    const body = files.get(path);
    // All that a page with the runtime needs to be allowed.
    response.setHeader('content-security-policy', contentPolicy);
    response.setHeader('content-type', types[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream');
    // As a server would that names files by their version: compiled code is kept only of what is fresh.
    response.setHeader(
      'cache-control',
      path.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    );
    if (!searchParams.has('alone')) {
      response.setHeader('cross-origin-opener-policy', 'same-origin');
      response.setHeader('cross-origin-embedder-policy', 'require-corp');
    }
    response.writeHead(body ? 200 : 404).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}/`,
    asked,
    put: (name, bytes) => {
      files.set(`/models/${name}`, bytes);
      return { url: `/models/${name}`, sha256: createHash('sha256').update(bytes).digest('hex') };
    },
    sizeOf: (path) => files.get(path)?.byteLength ?? Number.NaN,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
