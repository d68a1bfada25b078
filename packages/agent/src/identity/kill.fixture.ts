/**
 * Renews the identity, or restores the root of trust, in a folder on the real disk until its n-th change to the disk, and ends there as by SIGKILL: before the
 * change, or just after it. The controller is a function that certifies whatever key it is asked for, and remembers which.
 * Started by kill.test.ts.
 */
import 'reflect-metadata';
import { appendFileSync, readFileSync } from 'node:fs';
import { type Disk, type Fetch, systemDisk } from '@covey/ports';
import { openDeviceFolder } from '../folder/index.ts';
import { authorityFrom } from './authority.fixture.ts';
import { openIdentity } from './identity.ts';
import { renewCertificate } from './renewal.ts';

const [root = '', killAt = '', moment = '', what = ''] = process.argv.slice(2);
const done = { changes: 0 };
const disk: Disk = {
  ...systemDisk,
  write: async (path, bytes) => {
    const isLast = ++done.changes === Number(killAt);
    if (isLast && moment === 'before') process.kill(process.pid, 'SIGKILL');
    await systemDisk.write(path, bytes);
    if (isLast) process.kill(process.pid, 'SIGKILL');
  },
};
const authority = await authorityFrom(readFileSync(`${root}.authority`, 'utf8'));
const fetch: Fetch = async ({ body }) => {
  const { csrPem } = JSON.parse(Buffer.from(body ?? '').toString()) as { csrPem: string };
  const certificatePem = await authority.certify('device-1', csrPem);
  appendFileSync(`${root}.issued`, `${JSON.stringify(certificatePem)}\n`);
  const answer = { certificatePem, caPem: authority.caPem, now: 1 };
  return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) };
};
const store = await openIdentity(disk, await openDeviceFolder(disk, `${root}`));
if (!store) throw new Error('the folder holds an identity');
if (what === 'restore') await store.root.restore();
else {
  await renewCertificate({ fetch }, store);
  await store.settle();
}
