import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TokenAnswer } from '@covey/protocol/api';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { covey, coveyJson, type Outcome, temporaryFolder, until } from './harness.ts';
import {
  agentArgs,
  controllerArgs,
  createToken,
  enrolDevice,
  type StandingFleet,
  startStandingFleet,
} from './standing-fleet.ts';

let fleet: StandingFleet;
let occupied: Server;
let port: number;
const scratch = temporaryFolder();
const folderOf = (name: string) => join(scratch, name.replaceAll(' ', '-'));

beforeAll(async () => {
  fleet = await startStandingFleet(1);
  occupied = createServer();
  await new Promise<void>((resolve) => occupied.listen(0, '127.0.0.1', resolve));
  port = (occupied.address() as AddressInfo).port;
});
afterAll(async () => {
  occupied.close();
  await fleet.stop();
  rmSync(scratch, { recursive: true, force: true });
});
/** Those that run already are not disturbed. */
afterEach(async () => {
  expect((await fleet.devices[0]?.view())?.online).toBe(true);
});

function expectRefusal({ code, stdout, stderr }: Outcome, errorCode: string): void {
  expect(stdout + stderr).toContain(errorCode);
  expect(stdout + stderr).not.toContain('INTERNAL');
  expect(code).toBe(1);
}

describe('a token', () => {
  const enroll = (id: string, token: string) =>
    covey(['enroll', '--data', folderOf(id), '--id', id, '--json'], { stdin: token });

  test('is used twice', async () => {
    const { token } = await createToken(fleet.client);
    expect((await enroll('first', token)).code).toBe(0);
    expectRefusal(await enroll('second', token), 'TOKEN_USED');
    // The folder of the refused one is as good as new.
    expect((await enroll('second', (await createToken(fleet.client)).token)).code).toBe(0);
  });

  test('is past its time', async () => {
    const { token, expiresAt } = await coveyJson<TokenAnswer>([
      'token',
      'create',
      '--expires',
      '1s',
      '--data',
      fleet.data,
    ]);
    await until('the end of the token', async () => (Date.now() > expiresAt ? true : undefined));
    expectRefusal(await enroll('late', token), 'TOKEN_EXPIRED');
  });

  test('is damaged, or of another controller', async () => {
    expectRefusal(await enroll('damaged', 'covey1.half-of-it'), 'TOKEN_UNKNOWN');
    const { token } = await createToken(fleet.client);
    const contents = JSON.parse(Buffer.from(token.slice(7), 'base64url').toString()) as object;
    const other = { ...contents, caFingerprint: 'a'.repeat(64) };
    const forged = `covey1.${Buffer.from(JSON.stringify(other)).toString('base64url')}`;
    expectRefusal(await enroll('forged', forged), 'CA_MISMATCH');
  });
});

describe('a port is in use', () => {
  test.each([
    ['admin', 0],
    ['MQTT', 1],
    ['device', 2],
  ])('the %s port of a controller', async (what, index) => {
    const ports = [0, 0, 0].with(index, port);
    const outcome = await covey(controllerArgs(folderOf(what), ports));
    expectRefusal(outcome, 'PORT_IN_USE');
    expect(outcome.stderr).toContain(String(port));
  });

  test('the inference port of an agent', async () => {
    const folder = await enrolDevice(fleet, 'agent-port');
    const outcome = await covey(agentArgs(folder, port));
    expectRefusal(outcome, 'PORT_IN_USE');
    expect(outcome.stderr).toContain(String(port));
  });

  test('a port of covey up', async () => {
    const outcome = await covey(['up', '--once', '--json', '--data', folderOf('up'), '--port', String(port)]);
    expectRefusal(outcome, 'PORT_IN_USE');
    const last = outcome.stdout.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { code: 'PORT_IN_USE' } });
  });
});

describe('a data folder', () => {
  const marker = (kind: string, version: number) =>
    `${JSON.stringify({ format: `covey-data/${version}`, kind })}\n`;
  const startWith: Record<string, (folder: string) => Promise<Outcome>> = {
    controller: (folder) => covey(controllerArgs(folder, [0, 0, 0])),
    agent: (folder) => covey(agentArgs(folder, 0)),
    up: (folder) => covey(['up', '--once', '--json', '--data', folder, '--port', '0']),
  };

  function folderWith(files: Record<string, string>): string {
    const folder = mkdtempSync(join(scratch, 'folder-'));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return folder;
  }

  /** Starts `program` with a folder of these files: refused with `code`, and nothing in the folder has changed. */
  async function refused(program: string, code: string, files: Record<string, string>): Promise<void> {
    const folder = folderWith(files);
    // A controller's lock lies beside its folder.
    const list = () => readdirSync(folder, { recursive: true }).filter((path) => path !== 'controller.lock');
    const before = list();
    expectRefusal(await (startWith[program] ?? raise())(folder), code);
    expect(list().sort()).toEqual(before.sort());
  }
  const raise = () => {
    throw new Error('no such program');
  };

  test.each(['agent', 'up'])('%s: of something else', async (program) => {
    await refused(program, 'DATA_FOREIGN', { 'photographs/1.jpg': 'x' });
  });

  test('controller and enroll: of something else', async () => {
    const { token } = await createToken(fleet.client);
    const folder = folderWith({ 'photographs/1.jpg': 'x' });
    expectRefusal(
      await covey(['enroll', '--data', folder, '--id', 'nobody'], { stdin: token }),
      'DATA_FOREIGN',
    );
    expect(readdirSync(folder)).toEqual(['photographs']);
    await refused('controller', 'DATA_FOREIGN', { 'controller/accounts.db': 'x' });
  });

  test('of another kind', async () => {
    await refused('agent', 'DATA_FOREIGN', { 'covey.json': marker('controller', 1) });
    await refused('controller', 'DATA_FOREIGN', { 'controller/covey.json': marker('device', 1) });
  });

  test('of a newer version', async () => {
    await refused('agent', 'DATA_NEWER', { 'covey.json': marker('device', 2) });
    await refused('controller', 'DATA_NEWER', { 'controller/covey.json': marker('controller', 2) });
    // This folder is Covey's: `up` may leave its log there.
    const folder = folderWith({ 'controller/covey.json': marker('controller', 2) });
    expectRefusal(await covey(['up', '--once', '--json', '--data', folder, '--port', '0']), 'DATA_NEWER');
    expect(readdirSync(join(folder, 'controller'))).toEqual(['covey.json']);
  });

  test('with a ledger or a database of a newer version', async () => {
    const [device] = fleet.devices;
    if (!device) throw new Error('the fleet has a device');
    const folder = folderOf('newer ledger');
    // What it was enrolled with, and nothing that its running agent changes.
    for (const name of ['covey.json', 'identity'])
      cpSync(join(device.folder, name), join(folder, name), { recursive: true });
    mkdirSync(join(folder, 'state'));
    const ledger = JSON.stringify({ format: 'covey-ledger/2', generation: 1, at: 1, update: {} });
    const digest = createHash('sha256').update(ledger).digest('hex');
    writeFileSync(join(folder, 'state', 'ledger-a'), `${digest}\n${ledger}`);
    expectRefusal(await covey(agentArgs(folder, 0)), 'DATA_NEWER');

    const data = folderOf('newer database');
    mkdirSync(join(data, 'controller'), { recursive: true });
    writeFileSync(join(data, 'controller', 'covey.json'), marker('controller', 1));
    const database = new DatabaseSync(join(data, 'controller', 'covey.db'));
    // "COVY", as the controller marks its databases.
    database.exec('PRAGMA application_id = 0x434f5659; PRAGMA user_version = 1000000; CREATE TABLE a (b)');
    database.close();
    expectRefusal(await covey(controllerArgs(data, [0, 0, 0])), 'DATA_NEWER');
  });

  test('that a running process uses', async () => {
    const [device] = fleet.devices;
    if (!device) throw new Error('the fleet has a device');
    expectRefusal(await covey(agentArgs(device.folder, 0)), 'DATA_LOCKED');
    expectRefusal(await covey(controllerArgs(fleet.data, [0, 0, 0])), 'DATA_LOCKED');
  });

  test('that was never enrolled is named, with what to do', async () => {
    const folder = folderOf('empty');
    mkdirSync(folder);
    expectRefusal(await covey(agentArgs(folder, 0)), 'NOT_FOUND');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a wrong argument exits 2', async () => {
    expect((await covey(['agent', '--port', 'http'])).code).toBe(2);
    expect((await covey(['rollout', 'start', 'scaling', '--data', fleet.data])).code).toBe(2);
  });
});
