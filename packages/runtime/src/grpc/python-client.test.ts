import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addModel, countingModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

/** Debian: python3-grpcio, protobuf-compiler and libprotobuf-dev. */
const python = ['python3', '/usr/bin/python3'].find((command) =>
  works(command, ['-c', 'import grpc, google.protobuf']),
);
const isPresent = python !== undefined && works('protoc', ['--version']);
const protoFolder = join(import.meta.dirname, '..', '..', 'proto');

function works(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

let server: Awaited<ReturnType<typeof serverWith>>;
const generated = mkdtempSync(join(tmpdir(), 'covey-python-'));

beforeAll(async () => {
  server = await serverWith(
    {
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
      count: [countingModel(), schemaOf('INT64', [])],
    },
    { grpcPort: 0, tensorflowServingPort: 0 },
  );
});
afterAll(async () => {
  await server.close();
  rmSync(generated, { recursive: true });
});

test.skipIf(!isPresent)(
  "Google's gRPC and protobuf, for Python, get what they ask for (needs them, and protoc)",
  async () => {
    const run = promisify(execFile);
    await run('protoc', [`-I${protoFolder}`, `--python_out=${generated}`, ...readdirSync(protoFolder)]);
    const addresses = [server.grpcUrl, server.tensorflowServingUrl].map((url) => new URL(url ?? '').host);
    const script = join(import.meta.dirname, 'python-client.fixture.py');
    const { stdout } = await run(python ?? '', [script, generated, ...addresses]);
    const stream = Array.from({ length: 40 }, (_, i) => [
      `${i}`,
      i === 3 ? 'no model absent is deployed here' : '',
    ]);
    expect(JSON.parse(stdout)).toEqual({
      health: 1,
      metadata: ['x', 'FP32', [-1, 2]],
      raw: ['seven', [2, 3]],
      typed: [6, 7],
      gzip: 80_000,
      large: [20_000_000, 1.25],
      error: ['NOT_FOUND', 'no model absent is deployed here', 'MODEL_UNKNOWN'],
      deadline: 'DEADLINE_EXCEEDED',
      stream,
      predict: [[2, 3], 3],
    });
  },
);
