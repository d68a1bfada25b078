import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buildBundle } from '@covey/bundle';
import { ensureTrust, publishBundle } from '@covey/cli';
import { GraphBuilder, tensorRanges, writeModel } from '@covey/onnx';
import { CoveyError } from '@covey/protocol';
import { RolloutPreview } from '@covey/protocol/api';
import { until } from '../journeys/harness.ts';
import { startLoad } from '../journeys/load.ts';
import { scalingBundleSource } from '../journeys/scaling-model.ts';
import { ledgerReaches, type StandingFleet, startStandingFleet } from '../journeys/standing-fleet.ts';
import type { Figure, Result } from './figures.ts';
import { spreadOf } from './statistics.ts';
import { movedWeights, weightBytes } from './weights.ts';

/** What fetching and verifying may take of an agent's memory beside what it has without, whatever the size of the bundle. */
const memoryMb = 100;
const chunkBytes = 512 * 1024;

/** One update, as the device had it. */
interface Update {
  /** Asked for until every file was there and verified, and until it served alone. */
  fetchMs: number;
  servedMs: number;
  cpuMs: number;
  peakMb: number;
  networkBytes: number;
}

/**
 * A model of 105 MB on a real device that answers all the while: fetched whole, as a small step from what the device has, and whole
 * with the agent killed half way. Until every file is there and verified; then the probe, the switch and the soak.
 */
export async function benchmarkUpdate(): Promise<Result> {
  if (process.platform !== 'linux')
    return { benchmark: 'update', skipped: 'it reads /proc, which Linux has' };
  const fleet = await startStandingFleet(1);
  try {
    const [before, after] = movedWeights();
    const noise = createHash('shake256', { outputLength: weightBytes }).update('another').digest();
    const sizes = [
      await publish(fleet, '1.0.0', new Uint8Array(4_096)),
      await publish(fleet, '2.0.0', before.bytes),
      await publish(fleet, '3.0.0', after.bytes),
      await publish(fleet, '4.0.0', noise),
    ];
    await fleet.install('1.0.0');
    const load = startLoad(fleet.devices[0]?.inferenceUrl ?? '', 'scaling');
    const whole = await measured(fleet, '2.0.0');
    const step = await measured(fleet, '3.0.0');
    const { failures, longestGapMs } = await load.stop();
    if (Object.keys(failures).length > 0) throw new Error(`requests failed: ${JSON.stringify(failures)}`);
    const refetchedBytes = await killedHalfWay(fleet, '4.0.0', sizes[3] ?? 0);
    const floorMs = floorOf(fleet.data);
    return {
      benchmark: 'update',
      figures: [
        ...figuresOf('whole', whole, floorMs),
        ...figuresOf('as a small step', step, floorMs),
        { name: 'longest time without an answer, both updates', value: spreadOf([longestGapMs]), unit: 'ms' },
        {
          name: 'fetched again after SIGKILL half way',
          value: spreadOf([refetchedBytes]),
          unit: 'bytes',
          baseline: {
            ...{ name: 'the largest chunk', limit: 1 },
            ratio: spreadOf([refetchedBytes / chunkBytes]),
          },
        },
      ],
    };
  } finally {
    await fleet.stop();
  }
}

function figuresOf(
  name: string,
  { fetchMs, servedMs, cpuMs, peakMb, networkBytes }: Update,
  floorMs: number,
): Figure[] {
  const floor = { name: 'read, SHA-256, write, sync', value: floorMs };
  return [
    { name: `${name}: fetched, verified and synced`, value: spreadOf([fetchMs]), unit: 'ms', floor },
    { name: `${name}: probed, switched and soaked too`, value: spreadOf([servedMs]), unit: 'ms' },
    { name: `${name}: processor time of the agent`, value: spreadOf([cpuMs]), unit: 'ms' },
    {
      name: `${name}: over the network`,
      value: spreadOf([networkBytes]),
      unit: 'bytes',
      baseline: { name: 'its weights', ratio: spreadOf([networkBytes / weightBytes]) },
    },
    {
      name: `${name}: peak memory of the agent, above that before`,
      value: spreadOf([peakMb]),
      unit: 'MB',
      baseline: { name: `${memoryMb} MB`, ratio: spreadOf([peakMb / memoryMb]), limit: 1 },
    },
  ];
}

/** y = 2 x, with weights that do nothing but have to come. Gives the size of the model's file. */
async function publish(
  { client, data }: StandingFleet,
  version: string,
  weights: Uint8Array,
): Promise<number> {
  const graph = new GraphBuilder('scaling');
  const source = scalingBundleSource(version);
  const [input, output] = [source.schema.inputs[0], source.schema.outputs[0]];
  if (!input || !output) throw new Error('the schema has an input and an output');
  const x = graph.input(input);
  const most = 4 * 1024 * 1024;
  for (let at = 0; at < weights.byteLength; at += most) {
    const part = weights.subarray(at, at + most);
    const tensor = { datatype: 'FP32' as const, shape: [part.byteLength / 4], data: part };
    graph.node('Identity', [graph.initializer(`w${at / most}`, tensor)], `used${at / most}`);
  }
  const scale = { datatype: 'FP32' as const, shape: [1], data: new Uint8Array(Float32Array.of(2).buffer) };
  graph.node('Mul', [x, graph.initializer('scale', scale)], 'y');
  graph.output(output);
  const bytes = writeModel(graph.build());
  const variants = source.variants.map((variant) => ({ ...variant, bytes, tensors: tensorRanges(bytes) }));
  const publisher = await ensureTrust(client, data);
  await publishBundle(client, buildBundle({ ...source, variants }), [publisher], () => {});
  return bytes.byteLength;
}

/** The transfers are made before, as `covey rollout preview` has them made: once for a fleet, and `transfer` measures it. */
async function makeTransfers({ client }: StandingFleet, version: string): Promise<void> {
  const body = { model: 'scaling', version, selector: 'all' };
  await until(
    'the transfers to be made',
    async () =>
      client
        .call({ method: 'POST', path: '/rollouts/preview', body, answer: RolloutPreview })
        .catch((error: unknown) => {
          if (error instanceof CoveyError && error.code === 'TRANSFER_PENDING') return undefined;
          throw error;
        }),
    600_000,
  );
}

async function measured(fleet: StandingFleet, version: string): Promise<Update> {
  const [device] = fleet.devices;
  const pid = device?.service.child.pid;
  if (!device || pid === undefined) throw new Error('there is one device, and it runs');
  await makeTransfers(fleet, version);
  // From here on the kernel keeps the most the process has (proc(5), clear_refs).
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const [idleMb, cpuBeforeMs, bytesBefore] = [peakMbOf(pid), cpuMsOf(pid), networkBytesOf(device.folder)];
  const startedMs = performance.now();
  const installing = install(fleet, version, 'device');
  await Promise.race([ledgerReaches(device.folder, 'probing', 'activating', 'soaking'), installing]);
  const fetchMs = performance.now() - startedMs;
  const [peakMb, cpuMs] = [peakMbOf(pid) - idleMb, cpuMsOf(pid) - cpuBeforeMs];
  await installing;
  const servedMs = performance.now() - startedMs;
  return { fetchMs, servedMs, cpuMs, peakMb, networkBytes: networkBytesOf(device.folder) - bytesBefore };
}

/** With an allowance that is never used up: where there is one, what comes is counted. */
async function install(fleet: StandingFleet, version: string, of: 'device' | 'rollout'): Promise<void> {
  const { id } = await fleet.roll(version, {
    waves: [{ percent: 100 }],
    delivery: { [of]: { bytes: 10 * weightBytes } },
  });
  const { state, reason } = await fleet.settled(id);
  if (state !== 'succeeded') throw new Error(`${version} was not installed: ${reason}`);
}

/** Bytes that were sent twice, as the controller counts them before it sends them: rather too many than too few. */
async function killedHalfWay(fleet: StandingFleet, version: string, sizeBytes: number): Promise<number> {
  const [device] = fleet.devices;
  if (!device) throw new Error('there is one device');
  await makeTransfers(fleet, version);
  const installing = install(fleet, version, 'rollout');
  await until('half of it to arrive', async () =>
    arrivedBytes(device.folder) > sizeBytes / 2 ? true : undefined,
  );
  await device.restart('SIGKILL');
  const load = startLoad(device.inferenceUrl, 'scaling');
  await installing;
  await load.stop();
  // Which has its database to itself.
  await fleet.controller.kill('SIGTERM');
  return sentBytes(fleet.data) - sizeBytes;
}

/** The least there is to do for as many bytes: read, hashed, written and synced, once. */
function floorOf(folder: string): number {
  const [from, to] = [join(folder, 'floor-from'), join(folder, 'floor-to')];
  writeFileSync(from, new Uint8Array(weightBytes));
  const startedMs = performance.now();
  const bytes = readFileSync(from);
  createHash('sha256').update(bytes).digest();
  const file = openSync(to, 'w');
  writeSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
  return performance.now() - startedMs;
}

function arrivedBytes(folder: string): number {
  const arriving = join(folder, 'bundles', 'arriving');
  return readdirSync(arriving).reduce((sum, name) => sum + statSync(join(arriving, name)).size, 0);
}

/** As the device counts them: packages/agent/src/delivery/usage.ts. */
function networkBytesOf(folder: string): number {
  const path = join(folder, 'state', 'delivery');
  // Written with the first bytes that count.
  if (!existsSync(path)) return 0;
  const [, json = ''] = readFileSync(path, 'utf8').split('\n');
  return (JSON.parse(json) as { todayBytes: number }).todayBytes;
}

/** Of the one rollout that the controller has to count for. */
function sentBytes(folder: string): number {
  const database = new DatabaseSync(join(folder, 'controller', 'covey.db'), { readOnly: true });
  try {
    const row = database.prepare('select sum(bytes) as bytes from deliveries').get();
    return Number(row?.bytes);
  } finally {
    database.close();
  }
}

function peakMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1_024) / 1e6;
}

/** Time of the processor, of all threads; the kernel counts in hundredths of a second. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
