import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleVersion } from '@covey/example';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareEnvironment, deviceArtifact } from './device-artifact.ts';
import { publishExample } from './example.ts';
import { facePipeline } from './faces.ts';
import { dataFolder, hasData, readData, startTestFleet, type TestFleet, temporaryFolder } from './harness.ts';

const root = join(import.meta.dirname, '..', '..');

let fleet: TestFleet;
let installed: string;

beforeAll(async () => {
  const { archive } = await deviceArtifact();
  const target = temporaryFolder();
  execFileSync('tar', ['-xzf', archive, '-C', target]);
  installed = join(target, readdirSync(target)[0] ?? '');
  fleet = await startTestFleet(0);
});
afterAll(() => fleet.stop());

test('the device folder enrols, serves and updates with nothing else on the machine', async () => {
  const covey = join(installed, 'bin', 'covey');
  const data = join(temporaryFolder(), 'device');
  const { token } = await fleet.json<{ token: string }>('token', 'create');
  execFileSync(covey, ['enroll', '--data', data, '--id', 'press-7'], {
    input: token,
    env: bareEnvironment,
    cwd: installed,
  });
  const agent = spawn(covey, ['agent', '--data', data, '--port', '0', '--metrics', '1s'], {
    env: bareEnvironment,
    cwd: data,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const inferenceUrl = await new Promise<string>((resolve, reject) => {
      agent.once('message', (message: { ready: { inferenceUrl: string } }) =>
        resolve(message.ready.inferenceUrl),
      );
      agent.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
    });
    await publishExample(fleet.data, '1.1.0');
    await fleet.json('rollout', 'start', 'bearing@1.1.0', '--samples', '1', '--soak', '2s', '--wait');
    const golden = exampleVersion('1.1.0');
    const samples = new Float32Array(
      golden.goldenInputs[0]?.vibration?.data.slice().buffer ?? new ArrayBuffer(0),
    );
    const body = {
      inputs: [{ name: 'vibration', datatype: 'FP32', shape: [1, 1, 1024], data: [...samples] }],
    };
    const answer = await fetch(`${inferenceUrl}/v2/models/bearing/infer`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const { outputs } = (await answer.json()) as { outputs: { data: number[] }[] };
    const expected = new Float32Array(
      golden.goldenOutputs[0]?.probabilities?.data.slice().buffer ?? new ArrayBuffer(0),
    );
    for (const [index, value] of expected.entries()) expect(outputs[0]?.data[index]).toBeCloseTo(value, 1);
    if (hasData) await findFaces(inferenceUrl);
    expect(filesInUse(agent.pid ?? 0).filter((path) => path.startsWith(`${root}/`))).toEqual([]);
  } finally {
    agent.kill('SIGTERM');
    await new Promise((resolve) => agent.once('exit', resolve));
  }
});

/** A pipeline, published with its model, that decodes photographs on the device. */
async function findFaces(inferenceUrl: string): Promise<void> {
  const serving = join(temporaryFolder(), 'serving.json');
  writeFileSync(serving, JSON.stringify({ format: 'covey-serving/1', pipeline: facePipeline }));
  const model = join(dataFolder, 'models', 'face-rfb-320.onnx');
  const names = ['--name', 'faces', '--version', '1.0.0'];
  await fleet.json('model', 'push', model, ...names, '--serving', serving);
  await fleet.json('rollout', 'start', 'faces@1.0.0', '--samples', '1', '--soak', '1s', '--wait');
  // One BYTES element as a raw request.
  const photograph = readData('images', 'faces-13.jpg');
  const answer = await fetch(`${inferenceUrl}/v2/models/faces/infer`, {
    method: 'POST',
    body: Buffer.concat([Buffer.from(Uint32Array.of(photograph.byteLength).buffer), photograph]),
    headers: { 'inference-header-content-length': '0' },
  });
  expect(answer.status).toBe(200);
  const body = Buffer.from(await answer.arrayBuffer());
  const jsonBytes = Number(answer.headers.get('inference-header-content-length'));
  const { outputs } = JSON.parse(body.toString('utf8', 0, jsonBytes)) as { outputs: { shape: number[] }[] };
  expect(outputs[0]?.shape).toEqual([2, 4]);
}

/** Files that a process and its children have open or mapped. */
function filesInUse(pid: number): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const mapped = [...readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(/ (\/\S+)$/gm)].map(
    (match) => match[1] ?? '',
  );
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  const all = [...mapped, ...open, readlinkSync(`/proc/${pid}/exe`)];
  expect(all.length).toBeGreaterThan(10);
  return [...all, ...children.flatMap((child) => filesInUse(Number(child)))];
}

test('the unit file names programs and folders that the device folder has', () => {
  const unit = readFileSync(join(installed, 'systemd', 'covey-agent.service'), 'utf8');
  expect(unit).toMatch(/^ExecStart=\/opt\/covey\/bin\/covey-launch \/var\/lib\/covey$/m);
  expect(unit).toMatch(/^Restart=always$/m);
  execFileSync(join(installed, 'bin', 'covey'), ['agent', '--help'], { env: bareEnvironment });
});

test('no program imports what loads more than it says: all of node:http, every language of zod', () => {
  const app = join(installed, 'app');
  const programs = readdirSync(app, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js') && (!path.includes('node_modules') || path.includes('@covey')))
    .map((path) => [path, readFileSync(join(app, path), 'utf8')] as const);
  expect(programs.length).toBeGreaterThan(10);
  for (const [path, text] of programs) expect(text, path).not.toMatch(/\bfrom "(?:node:)?http"|locales\/zh/);
});
