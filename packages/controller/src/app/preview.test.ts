import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiFixture, apiFixture, callApi } from './api.fixture.ts';
import { modelBytes } from './large-model.fixture.ts';

let fixture: ApiFixture;

beforeEach(async () => {
  fixture = await apiFixture(['lab-1', 'plant-1', 'plant-2']);
  await fixture.publish('1.0.0', { bytes: modelBytes(0) });
  await fixture.publish('1.1.0', { bytes: modelBytes(1e-5) });
});
afterEach(() => fixture.close());

/** As the device would say of itself. */
async function serve(device: string, version: string) {
  const { digest, number } = await fixture.storage.db
    .selectFrom('versions')
    .select(['digest', 'number'])
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  const ref = { model: 'bearing', version, number, bundle: digest };
  await fixture.fleet.report(device, 'committed', {
    serving: [{ ...ref, variant: 'fp32', provider: 'cpu' }],
  });
}

async function preview(version: string, selector = 'all') {
  const body = { model: 'bearing', version, selector };
  return callApi(fixture, 'POST', '/v1/rollouts/preview', body);
}

test('says per class, site and rollout what comes, from which version, before anything is begun', async () => {
  await serve('lab-1', '1.0.0');
  await serve('plant-1', '1.1.0');
  const { status, body } = await preview('1.1.0');
  expect(status).toBe(200);
  const of = (from: string | null) => body.classes.find((one: { from: string | null }) => one.from === from);
  const file = of('1.0.0').files[0];
  expect(file).toMatchObject({ path: 'fp32.onnx', how: 'transfer', from: '1.0.0' });
  expect(file.wireBytes).toBeLessThan(file.sizeBytes * 0.6);
  expect(of('1.0.0')).toMatchObject({ devices: 1, hardware: 'linux/x64, c, 2 cores' });
  expect(of('1.0.0').bytesPerDevice).toBe(body.manifestBytes + file.wireBytes);
  expect(of('1.1.0')).toMatchObject({ devices: 1, bytesPerDevice: 0, files: [] });
  expect(of(null).files[0]).toMatchObject({ how: 'transfer', from: null });
  expect(body.sites).toEqual([
    { site: 'plant', devices: 2, wireBytes: of(null).bytesPerDevice },
    { site: 'lab', devices: 1, wireBytes: of('1.0.0').bytesPerDevice },
  ]);
  expect(body).toMatchObject({
    devices: 3,
    wireBytes: of('1.0.0').bytesPerDevice + of(null).bytesPerDevice,
  });
  const { body: after } = await callApi(fixture, 'GET', '/v1/rollouts');
  expect(after.rollouts).toEqual([]);
});

test('what cannot be previewed is refused', async () => {
  expect((await preview('9.9.9')).body.code).toBe('NOT_FOUND');
  expect((await preview('1.1.0', 'site=nowhere')).body.code).toBe('NOT_FOUND');
  expect((await preview('1.1.0', 'x')).body.code).toBe('INVALID_ARGUMENT');
});

test('promises nothing that could not be begun', async () => {
  expect(
    (await callApi(fixture, 'POST', '/v1/rollouts', { model: 'bearing', version: '1.0.0' })).status,
  ).toBe(200);
  const { status, body } = await preview('1.1.0');
  expect([status, body.code]).toEqual([409, 'CONFLICT']);
});
