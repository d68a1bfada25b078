import { fork } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { hasLearnedRoot, openDeviceFolder, openIdentity, rootLost, rootLostButLearned } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import type { Provider } from '@covey/protocol';
import { type Check, failed, ok, type Patient, skipped, warning } from './check.ts';

const mebibyte = 1024 * 1024;
/** Below the first the agent cannot keep its own files, below the second no model of common size arrives. */
const space = { leastBytes: 64 * mebibyte, scantBytes: 512 * mebibyte } as const;
/** Median of durable writes of 4 KiB: a state of an update waits for about five of these. */
const slowWriteMs = 250;
const writes = 9;
const trialTimeoutMs = 30_000;

/** What is on the device itself, network aside. */
export const machineChecks: readonly Check[] = [
  {
    name: 'data folder',
    run: async ({ folder, isRunning }) => {
      await openDeviceFolder(systemDisk, folder);
      return ok(`${folder}${isRunning ? ', in use by a running agent' : ', no agent runs'}`);
    },
  },
  { name: 'identity', run: checkIdentity },
  { name: 'trust root', run: checkRoot },
  {
    name: 'disk space',
    run: async ({ folder }) => absentFinding(folder) ?? spaceFinding(await systemDisk.freeBytes(folder)),
  },
  { name: 'disk speed', run: async ({ folder }) => absentFinding(folder) ?? checkWrites(folder) },
  { name: 'ports', run: checkPorts },
  { name: 'runtime', run: (patient) => checkProvider(patient, 'cpu') },
  { name: 'webgpu', run: (patient) => checkProvider(patient, 'webgpu') },
];

/** A disk is examined by the folder on it. */
function absentFinding(folder: string) {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory()) return undefined;
  const remedy = 'Name the data folder of the device with --data, or enrol it: `covey enroll`.';
  return found
    ? failed(`${folder} is no folder`, remedy, 'DATA_FOREIGN')
    : failed(`there is no folder ${folder}`, remedy, 'NOT_FOUND');
}

export function spaceFinding(freeBytes: number) {
  const free = `${Math.round(freeBytes / mebibyte)} MiB free`;
  const remedy = 'Free space on the disk that holds the data folder.';
  if (freeBytes < space.leastBytes) return failed(free, remedy, 'DISK_FULL');
  return freeBytes < space.scantBytes ? warning(`${free}: large models may not fit`, remedy) : ok(free);
}

/** `medianMs`: of durable writes of 4 KiB. */
export function speedFinding(medianMs: number) {
  const words = `4 KiB are on the medium after ${medianMs.toFixed(1)} ms`;
  return medianMs > slowWriteMs
    ? warning(words, 'Updates are slow on this medium, and it may be wearing out; look at the system log.')
    : ok(words);
}

async function checkIdentity(patient: Patient) {
  const store = await openIdentity(systemDisk, await openDeviceFolder(systemDisk, patient.folder));
  if (!store)
    return failed(
      `no device was enrolled in ${patient.folder}`,
      'Get a token from the controller (`covey token create`), then `covey enroll`.',
      'NOT_FOUND',
    );
  patient.store = store;
  const { deviceId, certificatePem } = store.identity;
  const { validToDate } = new X509Certificate(certificatePem);
  const [damaged] = store.damaged;
  return damaged === undefined
    ? ok(`${deviceId}, certificate until ${validToDate.toISOString().slice(0, 10)}`)
    : warning(`${damaged} is damaged; the other copy holds`, 'It is written anew at the next connection.');
}

async function checkRoot({ store, folder }: Patient) {
  if (!store) return skipped('there is no identity that it belongs to');
  const { bytes, damaged, missing } = store.root;
  if (!bytes) {
    const enrolAgain = 'Get a new token from the controller, and enrol again.';
    const { trust } = await openDeviceFolder(systemDisk, folder);
    return (await hasLearnedRoot(systemDisk, trust))
      ? warning(rootLostButLearned, enrolAgain)
      : failed(rootLost, enrolAgain, 'DATA_CORRUPT');
  }
  const path = damaged[0] ?? missing[0];
  return path === undefined
    ? ok('both copies are whole')
    : warning(
        `${path} is ${damaged.includes(path) ? 'damaged' : 'missing'}; the other copy holds`,
        'It is written anew when the agent starts.',
      );
}

async function checkWrites(folder: string) {
  const path = `${folder}/doctor`;
  const times: number[] = [];
  try {
    for (let write = 0; write < writes; write++) {
      const from = performance.now();
      await systemDisk.write(path, new Uint8Array(4_096));
      times.push(performance.now() - from);
    }
  } finally {
    await systemDisk.remove(path);
  }
  const medianMs = times.sort((a, b) => a - b)[Math.floor(writes / 2)] ?? 0;
  return speedFinding(medianMs);
}

async function checkPorts({ ports, isRunning }: Patient) {
  if (isRunning) return skipped('the running agent holds its ports');
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      const reason =
        (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'in use by another program' : String(error);
      return failed(
        `port ${port} of the inference API is ${reason}`,
        'Stop the other program, or choose another port for the agent with --port and --grpc-port.',
        'PORT_IN_USE',
      );
    } finally {
      server.close();
    }
  }
  return ok(`${ports.join(' and ')} are free`);
}

/** In a process of its own, because a driver or a library that is not right may end the process that tries it. */
async function checkProvider({ probeModule }: Patient, provider: Provider) {
  const child = fork(fileURLToPath(probeModule), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), trialTimeoutMs);
  const lines: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  try {
    child.send({ type: 'provider', provider });
    const answer = await new Promise<{ kind: string; error?: { message: string } }>((resolve) => {
      child.once('message', (message) => resolve(message as { kind: string }));
      child.once('exit', (code, signal) => {
        const words = lines.join('').trim().split('\n').at(-1);
        resolve({
          kind: 'failed',
          error: { message: `the process ended (${signal ?? code}) ${words ?? ''}`.trim() },
        });
      });
    });
    if (answer.kind === 'done') return ok('ONNX Runtime loads and computes');
    const message = answer.error?.message ?? 'no answer';
    return provider === 'cpu'
      ? failed(
          `ONNX Runtime does not compute: ${message}`,
          'Install the device folder made for this platform; it needs glibc 2.28 or newer.',
          'RUNTIME_DIED',
        )
      : skipped(`not available: ${message}`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}
