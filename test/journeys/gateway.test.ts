import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, type RunningService, startService, temporaryFolder } from './harness.ts';
import { identityOf } from './impostor.ts';
import {
  agentArgs,
  enrolDevice,
  freePorts,
  type StandingFleet,
  startStandingFleet,
} from './standing-fleet.ts';

let fleet: StandingFleet;
const scratch = temporaryFolder();
const tokensPath = join(scratch, 'tokens.json');
/** Another address of this machine, which stands for another machine's. */
const host = '127.0.0.2';
let folder: string;
let port: number;
let network: string[];

beforeAll(async () => {
  fleet = await startStandingFleet(0);
  writeFileSync(tokensPath, '[]', { mode: 0o600 });
  folder = await enrolDevice(fleet, 'gate');
  [port = 0] = await freePorts(1);
  // Any certificate with its key: who believes it is tested beside the gateway.
  const { certificatePem, keyPem } = identityOf(folder);
  const [certificate, key] = [join(scratch, 'tls.crt'), join(scratch, 'tls.key')];
  writeFileSync(certificate, certificatePem);
  writeFileSync(key, keyPem, { mode: 0o600 });
  network = ['--host', host, '--tls-cert', certificate, '--tls-key', key, '--tokens', tokensPath];
});
afterAll(async () => {
  await fleet.stop();
  rmSync(scratch, { recursive: true });
});

test('other machines need TLS and tokens, said before anything starts', async () => {
  for (const options of [['--host', '0.0.0.0'], network.slice(0, 6), network.slice(2)]) {
    const { code, stderr } = await covey([...agentArgs(folder, port), ...options]);
    expect(code).toBe(2);
    expect(stderr).toContain('--tls-cert');
  }
});

test('what is wrong with the files is told, and the agent ends', async () => {
  const before = readFileSync(tokensPath);
  writeFileSync(tokensPath, '{}');
  const { code, stderr } = await covey([...agentArgs(folder, port), ...network]);
  expect(code).toBe(1);
  expect(stderr).toContain(tokensPath);
  writeFileSync(tokensPath, before);
});

test('a caller with a token is served over TLS, a program on the device without, and no token is logged', async () => {
  const { stdout } = await covey([
    'inference-token',
    'create',
    '--tokens',
    tokensPath,
    '--name',
    'ann',
    '--per-day',
    '2',
  ]);
  const token = stdout.trim();
  const start = () => startService<{ inferenceUrl: string }>([...agentArgs(folder, port), ...network]);
  const statuses = async (agent: RunningService<{ inferenceUrl: string }>) => {
    const local = await fetch(`${agent.ready.inferenceUrl}/v2`);
    return [local.status, await statusFor(token), await statusFor(undefined)];
  };
  const agent = await start();
  expect(agent.ready.inferenceUrl).toBe(`http://127.0.0.1:${port}`);
  expect(await statuses(agent)).toEqual([200, 200, 401]);
  expect(await statuses(agent)).toEqual([200, 200, 401]);
  await agent.kill('SIGTERM');
  // The day's requests are spent after a restart too.
  const again = await start();
  expect(await statuses(again)).toEqual([200, 429, 401]);
  await again.kill('SIGTERM');
  const logged = agent.log() + again.log() + readFileSync(join(folder, 'inference-usage.json'), 'utf8');
  expect(logged).toContain('ann');
  expect(logged).not.toContain(token);
});

function statusFor(token: string | undefined): Promise<number | undefined> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const options = { host, port, path: '/v2', headers, rejectUnauthorized: false, agent: false };
    get(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
}
