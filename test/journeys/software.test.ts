import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, findConnection } from '@covey/cli';
import { EventsAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareEnvironment, type DeviceArtifact, deviceArtifact } from './device-artifact.ts';
import { publishExample } from './example.ts';
import { covey, isLong, startTestFleet, type TestFleet, temporaryFolder, until } from './harness.ts';
import { changeSoftware, freePort, keepRunning, watchServing } from './software-site.ts';
import { ledgerReaches } from './standing-fleet.ts';

const id = 'press-7';
const limitMs = 600_000;
/** What runs when nothing is under way. */
const current = isLong ? '0.2.2' : '0.2.0';
const name = `covey-agent-${process.platform}-${process.arch}`;

let fleet: TestFleet;
let artifact: DeviceArtifact;
let data: string;
let device: ReturnType<typeof keepRunning>;
let readyUrl: string;

beforeAll(async () => {
  artifact = await deviceArtifact();
  fleet = await startTestFleet(0);
  data = join(temporaryFolder(), 'device');
  const { token } = await fleet.json<{ token: string }>('token', 'create');
  execFileSync(join(artifact.folder, 'bin', 'covey'), ['enroll', '--data', data, '--id', id], {
    input: token,
    env: bareEnvironment,
  });
  const port = await freePort();
  readyUrl = `http://127.0.0.1:${port}/v2/models/bearing/ready`;
  device = keepRunning(join(artifact.folder, 'bin', 'covey-launch'), [
    data,
    '--port',
    `${port}`,
    '--grpc-port',
    'off',
    '--metrics',
    '1s',
  ]);
  await publishExample(fleet.data, '1.0.0');
  await fleet.json('rollout', 'start', 'bearing@1.0.0', '--soak', '1s', '--samples', '1', '--wait');
}, limitMs);
afterAll(async () => {
  await device?.stop();
  await fleet?.stop();
}, limitMs);

interface Rollout {
  state: string;
  reason: string | null;
  waves: { devices: { state: string; reason: string | null }[] }[];
}
interface Shown {
  hardware: { agentVersion: string } | null;
  reported: {
    serving: { model: string; version: string }[];
    reason?: { code: string; message: string };
  } | null;
}

async function roll(version: string, archive: string, soak: string): Promise<Rollout> {
  await fleet.json('software', 'push', archive);
  const args = [
    'rollout',
    'start',
    `${name}@${version}`,
    '--soak',
    soak,
    '--wait',
    '--json',
    '--data',
    fleet.data,
  ];
  const { stdout, stderr } = await covey(args);
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as Rollout;
}

async function shown(): Promise<Shown> {
  return fleet.json<Shown>('device', 'show', id);
}

/** As it announces itself: the version of the program that has the connection. */
function untilRuns(version: string): Promise<Shown> {
  return until(
    `the agent ${version}`,
    async () => {
      const view = await shown();
      return view.hardware?.agentVersion === version ? view : undefined;
    },
    limitMs,
  );
}

/** Of the last order, as the device counts what comes over the network. */
function fetchedBytes(): number {
  return (JSON.parse(readFileSync(join(data, 'state', 'delivery'), 'utf8').slice(65)) as { bytes: number })
    .bytes;
}

function bootRecord(): string[] {
  return readFileSync(join(data, 'software', 'boot'), 'utf8')
    .split(' ')
    .slice(1, 4);
}

test('an agent moves to the software it is given, and on to the next by a small delta', {
  timeout: limitMs,
}, async () => {
  const first = await roll('0.1.0', changeSoftware(artifact, '0.1.0'), '60s');
  expect(first).toMatchObject({ state: 'succeeded', waves: [{ devices: [{ state: 'proven' }] }] });
  expect(bootRecord()).toEqual(['a', '-', '0']);
  const whole = fetchedBytes();
  const gap = watchServing(readyUrl);
  const second = await roll('0.2.0', changeSoftware(artifact, '0.2.0'), '60s');
  const gapMs = await gap();
  expect(second).toMatchObject({ state: 'succeeded', waves: [{ devices: [{ state: 'proven' }] }] });
  const { reported } = await untilRuns('0.2.0');
  expect(reported?.serving).toContainEqual(expect.objectContaining({ model: name, version: '0.2.0' }));
  expect(reported?.serving).toContainEqual(expect.objectContaining({ model: 'bearing', version: '1.0.0' }));
  await until('the record', async () => (bootRecord().join() === 'b,-,0' ? true : undefined));
  const delta = fetchedBytes();
  process.stdout.write(
    `software: ${whole} bytes at first, ${delta} for the next, not serving for ${gapMs} ms\n`,
  );
  expect(delta).toBeLessThan(64 * 1024);
  expect((await fetch(readyUrl)).status).toBe(200);
});

test.runIf(isLong)(
  'killed while software is tested, while it is about to change over and before it has proven itself, it goes on',
  {
    timeout: limitMs,
  },
  async () => {
    const first = roll('0.2.1', changeSoftware(artifact, '0.2.1'), '60s');
    for (const state of ['probing', 'activating']) {
      await ledgerReaches(data, state);
      device.kill('SIGKILL');
    }
    const proven = { state: 'succeeded', waves: [{ devices: [{ state: 'proven' }] }] };
    expect(await first).toMatchObject(proven);
    await untilRuns('0.2.1');
    const second = roll('0.2.2', changeSoftware(artifact, '0.2.2'), '60s');
    await ledgerReaches(data, 'activating');
    // Contact would end the soak before it can be seen.
    fleet.controller.child.kill('SIGSTOP');
    try {
      await ledgerReaches(data, 'soaking');
      device.kill('SIGKILL');
    } finally {
      fleet.controller.child.kill('SIGCONT');
    }
    expect(await second).toMatchObject(proven);
    await untilRuns(current);
    expect((await fetch(readyUrl)).status).toBe(200);
  },
);

test('committed software that the disk has damaged is stood in for by the one before, and laid out anew', {
  timeout: limitMs,
}, async () => {
  await until('the record', async () => (bootRecord().join() === 'b,-,0' ? true : undefined));
  const program = join(data, 'software', 'b', 'app', 'covey.js');
  const whole = readFileSync(program);
  const client = createClient(findConnection({ data: fleet.data }));
  const starts = device.starts();
  writeFileSync(program, whole.subarray(0, whole.byteLength / 2));
  device.kill('SIGKILL');
  const damaged = await until('the event', async () => {
    const { events } = await client.call({ method: 'GET', path: '/events', answer: EventsAnswer });
    return events.find(({ kind }) => kind === 'software-damaged');
  });
  expect(damaged).toMatchObject({ device: id, message: expect.stringContaining('damaged on the disk') });
  await until('its software again', async () => {
    const isBack = bootRecord().join() === 'b,-,0' && device.starts() - starts === 2;
    return isBack && readFileSync(program).equals(whole) ? true : undefined;
  });
  await until('models serve', async () => {
    const answer = await fetch(readyUrl).catch(() => undefined);
    return answer?.ok ? true : undefined;
  });
  const { reported } = await until('both are reported', async () => {
    const view = await shown();
    const isNamed = view.reported?.serving.some((model) => model.model === name);
    return isNamed && !view.reported?.reason ? view : undefined;
  });
  expect(reported?.serving).toContainEqual(expect.objectContaining({ model: name, version: current }));
});

test('software that does not start is left to the one before by the launcher', {
  timeout: limitMs,
}, async () => {
  const crashing = changeSoftware(artifact, '0.3.0', {
    'createProgram("Covey on a device"':
      '(process.argv[2] === "agent" && process.exit(9), createProgram)("Covey on a device"',
  });
  const before = device.starts();
  const rollout = await roll('0.3.0', crashing, '60s');
  expect(rollout).toMatchObject({ state: 'reverted', waves: [{ devices: [{ state: 'failed' }] }] });
  expect(rollout.waves[0]?.devices[0]?.reason).toContain('started 3 times');
  // The agent itself once into the trial, three starts of that, and none more than it takes to go back.
  expect(device.starts() - before).toBe(4);
  await untilRuns(current);
  expect((await fetch(readyUrl)).status).toBe(200);
});

test('software that never reaches the controller goes back by itself', { timeout: limitMs }, async () => {
  const deaf = changeSoftware(artifact, '0.4.0', {
    'identity.mqttUrl : webSocketUrl(identity.deviceUrl)': '"mqtts://127.0.0.1:1" : "wss://127.0.0.1:1"',
  });
  const rollout = await roll('0.4.0', deaf, '15s');
  expect(rollout).toMatchObject({ state: 'reverted', waves: [{ devices: [{ state: 'failed' }] }] });
  expect(rollout.waves[0]?.devices[0]?.reason).toContain('did not reach the controller');
  await untilRuns(current);
  await until('the record', async () => (bootRecord().join() === 'b,-,0' ? true : undefined));
  expect((await fetch(readyUrl)).status).toBe(200);
});
