import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Patient } from './check.ts';
import { type Clinic, failures, of, openClinic } from './doctor.fixture.ts';
import { machineChecks, spaceFinding, speedFinding } from './machine.ts';
import { networkChecks } from './network.ts';

let clinic: Clinic;
beforeEach(() => {
  clinic = openClinic();
});
afterEach(() => clinic.close());

describe('a device on which all is well', () => {
  test('is told so, check by check, and its session is not taken', async () => {
    const { enrol: join } = await clinic.start();
    await join();
    const findings = await clinic.report({}, [...machineChecks, ...networkChecks]);
    expect(failures(findings)).toEqual([]);
    const states = Object.fromEntries(findings.map(({ name, status }) => [name, status]));
    for (const name of [
      'data folder',
      'identity',
      'ports',
      'runtime',
      'https',
      'controller',
      'clock',
      'ranges',
      'mqtt',
    ])
      expect(states[name], name).toBe('ok');
  });
});

describe('on the machine', () => {
  /** What one check finds, after those before it, but for those that start processes. */
  const found = async (name: string, change: Partial<Patient> = {}) => {
    const checks = machineChecks.filter((check) => check.name === name || !/runtime|webgpu/.test(check.name));
    return of(await clinic.report(change, checks), name);
  };

  test('a folder that is none of a device, or was never enrolled', async () => {
    expect(await found('data folder')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await found('identity')).toMatchObject({ code: 'NOT_FOUND' });
    writeFileSync(join(clinic.scratch, 'letter.txt'), 'dear');
    expect(await found('data folder', { folder: clinic.scratch })).toMatchObject({ code: 'DATA_FOREIGN' });
  });

  test('a file that is given as the folder', async () => {
    const folder = join(clinic.scratch, 'file.txt');
    writeFileSync(folder, 'dear');
    for (const name of ['data folder', 'identity'])
      expect(await found(name, { folder })).toMatchObject({
        code: 'DATA_FOREIGN',
        message: `${folder} is no folder`,
      });
  });

  test('a damaged identity: one copy holds, two do not', async () => {
    await (await clinic.start()).enrol();
    const [a, b] = ['identity-a', 'identity-b'].map((name) => join(clinic.folder, 'identity', name)) as [
      string,
      string,
    ];
    writeFileSync(a, 'damaged');
    expect(await found('identity')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining(a),
    });
    writeFileSync(b, 'damaged');
    expect(await found('identity')).toMatchObject({
      ...{ status: 'failed', code: 'DATA_CORRUPT' },
      message: expect.stringContaining('covey enroll --replace'),
    });
  });

  test('a damaged root of trust: one copy holds, two do not', async () => {
    await (await clinic.start()).enrol();
    const [a, b] = ['root-a', 'root-b'].map((name) => join(clinic.folder, 'identity', name)) as [
      string,
      string,
    ];
    expect(await found('trust root')).toMatchObject({ status: 'ok' });
    writeFileSync(b, 'damaged');
    expect(await found('trust root')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining(b),
    });
    writeFileSync(a, '');
    expect(await found('trust root')).toMatchObject({
      status: 'failed',
      code: 'DATA_CORRUPT',
      message: expect.stringContaining('covey enroll --replace'),
    });
  });

  test('a medium that cannot be written', async () => {
    await (await clinic.start()).enrol();
    // A file where a clinic.folder is wanted: it has no room for others, whoever asks.
    const path = join(clinic.scratch, 'file');
    writeFileSync(path, '');
    const checks = machineChecks.filter(({ name }) => name.startsWith('disk'));
    for (const [folder, code] of [
      [path, 'DATA_FOREIGN'],
      [join(clinic.scratch, 'absent'), 'NOT_FOUND'],
    ] as const) {
      const findings = await clinic.report({ folder }, checks);
      for (const name of ['disk space', 'disk speed'])
        expect(of(findings, name)).toMatchObject({
          status: 'failed',
          code,
          remedy: expect.stringContaining('covey enroll'),
        });
    }
  });

  test('a disk that is nearly full, and one that is slow to write', () => {
    const mebibyte = 2 ** 20;
    expect(spaceFinding(63 * mebibyte)).toMatchObject({
      status: 'failed',
      code: 'DISK_FULL',
      message: '63 MiB free',
    });
    expect(spaceFinding(64 * mebibyte)).toMatchObject({ status: 'warning' });
    expect(spaceFinding(512 * mebibyte)).toMatchObject({ status: 'ok' });
    expect(speedFinding(250)).toMatchObject({ status: 'ok' });
    expect(speedFinding(251)).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('251.0 ms'),
    });
  });

  test('a port that another program holds', async () => {
    await (await clinic.start()).enrol();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    clinic.cleanups.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    expect(await found('ports', { ports: [port] })).toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
  });

  test('a runtime that ends the process that loads it', async () => {
    await (await clinic.start()).enrol();
    const probeModule = new URL('./crash.fixture.ts', import.meta.url).href;
    expect(await found('runtime', { probeModule })).toMatchObject({
      code: 'RUNTIME_DIED',
      message: expect.stringContaining('SIGSEGV'),
    });
  });
});
